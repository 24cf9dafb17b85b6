"""Routes of the pages about people, under /people/."""

from django.urls import path

from tocsin.office.people import views

app_name = "people"
urlpatterns = [
    path("", views.people, name="people"),
    path("me/", views.me, name="me"),
    path("of/<slug:slug>/", views.people, name="people"),
    path("of/<slug:slug>/invite/", views.invite, name="invite"),
    path("invitations/<uuid:uid>/withdraw/", views.withdraw, name="withdraw"),
    path("mandates/<uuid:uid>/end/", views.end_mandate, name="end_mandate"),
    path("invitation/accepted/", views.accepted, name="accepted"),
    path("invitation/<str:secret>/", views.accept, name="accept"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/new/<uuid:uid>/", views.make_token, name="make_token"),
    path("tokens/<uuid:uid>/end/", views.end_token, name="end_token"),
    path("groups/", views.groups, name="groups"),
    path("groups/<uuid:uid>/", views.group, name="group"),
]
