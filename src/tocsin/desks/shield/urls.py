"""The routes of the shield."""

from django.urls import path

from tocsin.desks.shield.views import figures, lists, looking, public, rechecking, reviewing, warned

app_name = "shield"
urlpatterns = [
    # for anybody
    path("report", public.report, name="report"),
    path("outcome", public.find, name="find"),
    path("outcome/<str:reference>", public.outcome, name="outcome"),
    path("check", public.check_name, name="check"),
    path("check.json", public.check_call, name="check_call"),
    path("appeal", public.appeal, name="appeal"),
    path("warning", warned.warning, name="warning"),
    path("owner", warned.owner, name="owner"),
    path("figures", figures.figures_page, name="figures"),
    path("figures.json", figures.figures_call, name="figures_call"),
    path("lists/<str:word>/<str:form>", lists.list_file, name="list"),
    # for those who decide
    path("", reviewing.queue, name="queue"),
    path("groups/<uuid:uid>", reviewing.group, name="group"),
    path("groups/<uuid:uid>/approve", reviewing.approve_group, name="group_approve"),
    path("groups/<uuid:uid>/fetch", looking.fetch_group, name="group_fetch"),
    path("groups/<uuid:uid>/reject", reviewing.reject, name="group_reject"),
    path("messages/<uuid:uid>", reviewing.message, name="message"),
    path("listings/", reviewing.listings, name="listings"),
    path("listings/<uuid:uid>", reviewing.listing, name="listing"),
    path("listings/<uuid:uid>/step", reviewing.listing_step, name="listing_step"),
    path("appeals/", reviewing.appeals, name="appeals"),
    path("appeals/<uuid:uid>", reviewing.appeal, name="appeal_file"),
    path("appeals/<uuid:uid>/step", reviewing.appeal_step, name="appeal_step"),
    path("rechecks/", rechecking.rechecks, name="rechecks"),
    path("rechecks/<uuid:uid>", rechecking.recheck, name="recheck"),
    path("names/", reviewing.names, name="names"),
    path("names/<uuid:uid>/forget", reviewing.forget_name, name="name_forget"),
]
