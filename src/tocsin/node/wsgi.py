"""The WSGI application (`tocsin serve`)."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from tocsin.office.people import letters  # noqa: E402 the models are there only now

letters.at_once()
