"""Routes of the pages about parties, under /parties/."""

from django.urls import URLPattern

app_name = "parties"
urlpatterns: list[URLPattern] = []
