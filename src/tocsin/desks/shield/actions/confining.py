"""What keeps whatever reads the bytes of strangers in: said in the log where some is missing."""

import logging
from functools import cache

from tocsin.words.confinement import offered

_LOG = logging.getLogger(__name__)


@cache
def say_what_is_open() -> None:
    """Once for a process: what this machine does not confine; `tocsin doctor` says how to."""
    if missing := offered().missing:
        _LOG.warning("pictures and pages of strangers are read with %s open", ", ".join(missing))
