"""`tocsin` with WORDS, in FOLDER, with ENV alone, in a process that has everything imported.

A new store begins as a copy of the database that is READY.
What it says goes to OUT and ERR; warnings are errors, as with `python -W error`.
"""

import os
import sys
import warnings

given = globals()
os.environ.clear()
os.environ.update(given["ENV"], COLUMNS="200")
os.chdir(given["FOLDER"])
for number, name in ((1, "OUT"), (2, "ERR")):
    os.dup2(os.open(given[name], os.O_WRONLY | os.O_CREAT, 0o600), number)
sys.argv = ["tocsin", *given["WORDS"]]
sys.warnoptions = ["error"]
warnings.simplefilter("error")
# Workers of a pool import the main module, and this one's is that of the fork server.
sys.modules["__main__"].__spec__ = None
sys.modules["__main__"].__dict__.pop("__file__", None)

from tests.ready import copying  # noqa: E402 after the settings
from tocsin.node import console, store  # noqa: E402
from tocsin.node.cli import main  # noqa: E402

# The fork server read its width when it began, and whoever began it may have had another one.
console.out.width = console.err.width = 200
store._migrate = copying(given["READY"], store._migrate)
try:
    main()
finally:
    # A forked process ends without taking itself apart, as a command of its own would.
    from django.conf import settings
    from django.db import connections

    if settings.configured:
        connections.close_all()
