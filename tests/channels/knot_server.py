"""A real Knot DNS as hidden primary, with one empty zone that is changed over its socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.formats.resolvers import Server, free_port, program, running
from tocsin.channels.knot import Primary

SECRET = "c2l4dGVlbiBvciBtb3JlIGJ5dGVz"


@contextmanager
def knot_server(folder: Path, origin: str) -> Iterator[Server]:
    """It runs as long as the block lasts; skips the test where Knot is not installed."""
    port = free_port()
    (folder / "db").mkdir()
    (folder / "knot.conf").write_text(
        f'server:\n  listen: 127.0.0.1@{port}\n  rundir: "{folder}"\n'
        f'control:\n  listen: "{folder}/control.sock"\n'
        f'database:\n  storage: "{folder}/db"\n'
        f"key:\n  - id: provider-a\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
        "acl:\n  - id: provider-a\n    key: provider-a\n    action: transfer\n"
        f'zone:\n  - domain: {origin}.\n    storage: "{folder}"\n    acl: provider-a\n'
        "    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: all\n"
        "  - domain: ready.example.\n    file: ready.zone\n"
        f'    storage: "{folder}"\n',
        "utf-8",
    )
    (folder / "ready.zone").write_text("@ 60 SOA ns hostmaster 1 60 60 600 60\n@ 60 NS ns\n")
    words = [program("knotd"), "-c", str(folder / "knot.conf")]
    with running(words, port, folder, "ready.example") as started:
        yield started


def primary_in(folder: Path, origin: str) -> Primary:
    """The zone at the server that runs in a folder."""
    return Primary(origin, str(folder / "control.sock"))
