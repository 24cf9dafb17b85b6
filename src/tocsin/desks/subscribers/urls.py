"""The routes of the provider's desk."""

from django.urls import path

from tocsin.desks.subscribers.views import public

app_name = "subscribers"
urlpatterns = [
    path("check", public.check, name="check"),  # for anybody
]
