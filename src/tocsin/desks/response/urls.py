"""The routes of the response desk."""

from django.urls import path

from tocsin.desks.response.views import (
    cases,
    deliveries,
    documents,
    figures,
    looking_up,
    notifications,
    quarantine,
    reports,
    start,
)

app_name = "response"
urlpatterns = [
    path("", start.start, name="start"),
    path("look-up", looking_up.look_up, name="look_up"),
    path("cases/", cases.list_cases, name="cases"),
    path("cases/many", cases.many, name="many_cases"),
    path("cases/save", cases.save, name="save_filter"),
    path("cases/<uuid:uid>", cases.show_case, name="case"),
    path("cases/<uuid:uid>/pdf", documents.case_pdf, name="case_pdf"),
    path("cases/<uuid:uid>/step", cases.step, name="case_step"),
    path("cases/<uuid:uid>/events", cases.events, name="case_events"),
    path("cases/<uuid:uid>/split", cases.split_off, name="case_split"),
    path("cases/<uuid:uid>/give-over", cases.give_over, name="case_give_over"),
    path("cases/<uuid:uid>/comment", cases.comment, name="case_comment"),
    path("cases/<uuid:uid>/assign", cases.assign, name="case_assign"),
    path("cases/<uuid:uid>/tag", cases.tag, name="case_tag"),
    path("deadlines.ics", start.deadlines, name="deadlines"),
    path("deliveries/", deliveries.list_deliveries, name="deliveries"),
    path("deliveries/<uuid:uid>", deliveries.show_delivery, name="delivery"),
    path("deliveries/<uuid:uid>/file", deliveries.fetch_delivery, name="delivery_file"),
    path("figures/", figures.figures, name="figures"),
    path("notifications/", notifications.list_notifications, name="notifications"),
    path("notifications/new", notifications.begin, name="begin_notification"),
    path("notifications/<uuid:uid>", notifications.show_notification, name="notification"),
    path("notifications/<uuid:uid>/step", notifications.step, name="notification_step"),
    path("quarantine/", quarantine.list_quarantine, name="quarantine"),
    path("quarantine/records", quarantine.show_records, name="records"),
    path("reports/", reports.list_reports, name="reports"),
    path("reports/add", reports.add_report, name="add_report"),
    path("reports/uploads/<uuid:uid>", reports.show_intake, name="intake"),
    path("reports/uploads/<uuid:uid>/answer", reports.answer, name="answer_reporter"),
    path("reports/<uuid:uid>", reports.show_report, name="report"),
]
