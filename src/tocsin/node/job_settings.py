"""What recurring jobs need of this node's settings, from the environment."""

import os

from tocsin.node.identity import UNNAMED, read_identity
from tocsin.node.intake_settings import intake_settings
from tocsin.words.errors import Unusable

SHORTEST, LONGEST = 60, 24 * 3600
MOST_PADDED = 65536


def job_settings() -> dict[str, dict[str, str]]:
    """By area; raises `Unusable`, naming the setting that cannot be used."""
    identity = read_identity()
    return {
        "node": {
            "name": identity.name or UNNAMED,
            "contact": identity.contact if identity.sender else "",
            "domain": identity.domain,
        },
        "log": {
            "origin": _origin(identity.domain),
            "interval": str(_whole("TOCSIN_LOG_INTERVAL", 300, SHORTEST, LONGEST)),
            "policy": os.environ.get("TOCSIN_LOG_POLICY", "").strip(),
            **_time_stamps(),
            "quantum": str(_whole("TOCSIN_LOG_QUANTUM", 64, 1, MOST_PADDED)),
        },
        **intake_settings(),
    }


def _origin(domain: str) -> str:
    """What the log is called; "" lets the log keep the name it has, or draw one."""
    text = os.environ.get("TOCSIN_LOG_ORIGIN", "").strip()
    return text or (f"{domain}/tocsin" if domain else "")


def _time_stamps() -> dict[str, str]:
    """Both or none: a stamp that nobody can check is worth nothing."""
    url = os.environ.get("TOCSIN_LOG_TIME_STAMPS", "").strip()
    roots = os.environ.get("TOCSIN_LOG_TIME_STAMP_ROOTS", "").strip()
    if bool(url) != bool(roots):
        raise Unusable(
            "TOCSIN_LOG_TIME_STAMPS and TOCSIN_LOG_TIME_STAMP_ROOTS are set together: the address "
            "of the authority, and the file of its root certificates (PEM)"
        )
    return {"time_stamps": url, "time_stamp_roots": roots}


def _whole(name: str, default: int, least: int, most: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise Unusable(f"{name}={text!r} cannot be used. Possible: {least} to {most}")
