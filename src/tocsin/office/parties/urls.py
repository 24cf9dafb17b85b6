"""Routes of the pages about parties, under /parties/."""

from django.urls import path

from tocsin.office.parties import views

app_name = "parties"
urlpatterns = [
    path("", views.parties, name="parties"),
    path("new/", views.add, name="add"),
    path("of/<slug:slug>/", views.party, name="party"),
    path("of/<slug:slug>/about/", views.about, name="about"),
    path("of/<slug:slug>/agreement/", views.agreement, name="agreement"),
    path("of/<slug:slug>/agreement/end/", views.end_agreement, name="end_agreement"),
    path("of/<slug:slug>/contact/", views.contact, name="contact"),
    path("of/<slug:slug>/contact/remove/", views.remove_contact, name="remove_contact"),
    path("of/<slug:slug>/delivery/", views.delivery, name="delivery"),
    path("of/<slug:slug>/file/", views.party_file, name="party_file"),
    path("of/<slug:slug>/key/", views.key, name="key"),
    path("of/<slug:slug>/remit/", views.remit, name="remit"),
    path("of/<slug:slug>/remit/remove/", views.remove_remit, name="remove_remit"),
    path("of/<slug:slug>/secret/", views.secret, name="secret"),
    path("of/<slug:slug>/state/", views.state, name="state"),
    path("of/<slug:slug>/take-over/", views.take_over, name="take_over"),
]
