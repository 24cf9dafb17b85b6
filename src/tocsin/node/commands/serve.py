"""`tocsin serve`: the pages and the API, in one process or several."""

import errno
import os
import socket
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, StoreOption
from tocsin.node.console import out
from tocsin.node.store import open_store
from tocsin.words.errors import Busy, Unusable

Listen = Annotated[str, typer.Option("--listen", help="Address and port, such as 127.0.0.1:8000.")]
Threads = Annotated[
    int, typer.Option("--threads", help="Requests answered at once by each, 1 to 64.")
]

Processes = Annotated[
    int, typer.Option("--processes", help="Processes that answer, 1 to 32; one a core is enough.")
]


def serve(
    listen: Listen = "127.0.0.1:8000",
    threads: Threads = 4,
    processes: Processes = 1,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Serve the pages and the API until told to stop.

    On this machine alone it answers without TLS. TOCSIN_HOSTS names others under which it may be
    reached; a proxy with TLS stands before it then, and settings that are not safe are refused.
    """
    host, port = _read(listen)
    if not 1 <= threads <= 64:
        raise Unusable(f"--threads {threads}: possible are 1 to 64")
    if not 1 <= processes <= 32:
        raise Unusable(f"--processes {processes}: possible are 1 to 32")
    _require_free(host, port)
    opened = open_store(store)
    from granian import Granian
    from granian.constants import Interfaces

    from tocsin.node.secure import require_secure

    require_secure(opened.path, listen=host)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tocsin.node.settings")
    out.print(f"http://{escape(listen)}/ (Ctrl-C stops it)")
    Granian(
        "tocsin.node.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=threads,
        log_access=False,
        websockets=False,
    ).serve()


def _read(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise Unusable(f"--listen {listen!r} cannot be used. Possible: 127.0.0.1:8000, [::1]:8000")
    return host.strip("[]"), int(port)


def _require_free(host: str, port: int) -> None:
    """An address of this machine that nobody listens on; two servers would share it in silence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except (OSError, UnicodeError) as fault:
            if getattr(fault, "errno", None) == errno.EADDRINUSE:
                raise Busy(
                    f"something listens on {host}:{port} already. Possible: stop it, or another "
                    "--listen"
                ) from None
            raise Unusable(
                f"--listen {host}:{port} cannot be used ({fault}). Possible: an address of this "
                "machine, such as 127.0.0.1:8000"
            ) from None
