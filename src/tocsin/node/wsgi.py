"""The WSGI application (`tocsin serve`)."""

import gc

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from tocsin.office.people import letters  # noqa: E402 the models are there only now

letters.at_once()

# What is loaded by now stays until the process ends: no search for cycles walks it again, and a
# page, which makes some ten thousand short-lived objects, is not interrupted by one.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 10, 10)
