"""Who opens connections: the channels, and whatever listens or measures on this machine itself.

So that what judges an address before it is asked (`channels.outbound`: after resolution, and no
redirect followed) is passed by everything that goes out.
"""

import ast

from tests.house.source import imported, modules

CLIENTS = frozenset(
    ("http.client", "urllib.request", "requests", "httpx", "aiohttp", "urllib3", "smtplib",
     "imaplib", "ftplib", "poplib", "telnetlib", "xmlrpc.client", "websockets", "dns")
)  # fmt: skip
# Loopback alone: a port that is free, and clients of a server that a benchmark started itself.
ITSELF = ("node/commands/serve.py", "node/benches/web.py", "node/benches/shield.py")


def _imported(tree: ast.Module) -> set[str]:
    return {name for _, name in imported(tree)}


def _connects(tree: ast.Module) -> bool:
    """Whether a socket is made here, and not only an address read."""
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "socket"
        and node.attr in ("socket", "create_connection", "create_server", "getaddrinfo")
        for node in ast.walk(tree)
    )


def test_only_channels_speak_to_others():
    speaking = {
        one.path for one in modules() if CLIENTS & _imported(one.tree) or _connects(one.tree)
    }

    assert {name for name in speaking if not name.startswith("channels/")} <= {*ITSELF}
    assert "channels/outbound.py" in speaking


def test_of_the_channels_http_goes_through_one_door():
    """Whatever speaks HTTP uses `channels.outbound`, which asks for the address once."""
    http = {
        one.path for one in modules() if {"http.client", "urllib.request"} & _imported(one.tree)
    }

    assert http - {*ITSELF} == {"channels/outbound.py"}
