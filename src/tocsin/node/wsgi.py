"""The WSGI application (`tocsin serve`): the pages and the API, with logs as JSON lines."""

import logging.config

from django.core.wsgi import get_wsgi_application

from tocsin.node.logs import LOGGING

application = get_wsgi_application()
logging.config.dictConfig(LOGGING)
