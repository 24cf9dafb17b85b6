"""What must hold before pages are served to anybody but this machine; refused with the setting."""

import os
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings

from tocsin.words.errors import Unusable

_SHORTEST_SECRET = 50


def require_secure(store: Path, *, listen: str = "localhost") -> None:
    """Raise `Unusable` with everything that is not safe; debugging on this machine is let be."""
    reachable = _of_listening(listen)
    problems = [*_of_pages(), *_of_secrets(store), *_of_mail(), *reachable]
    if problems and (reachable or not (settings.DEBUG and settings.IS_LOCAL)):
        raise Unusable("these settings are not safe:\n" + "\n".join(f"  {one}" for one in problems))


def _of_pages() -> list[str]:
    debugging = "TOCSIN_DEBUG shows errors to strangers. Possible: unset it"
    problems = [debugging] if settings.DEBUG and not settings.IS_LOCAL else []
    if not settings.IS_LOCAL and not settings.PROXIES:
        problems.append(
            "TOCSIN_HOSTS names more than this machine, and no proxy brings TLS. Possible: "
            "TOCSIN_PROXIES=1 with one before the node that sets X-Forwarded-For and -Proto"
        )
    problems += [
        f"TOCSIN_HOSTS={name} answers under any name. Possible: the names themselves"
        for name in settings.ALLOWED_HOSTS
        if name == "*" or name.startswith(".")
    ]
    return problems


def _of_listening(host: str) -> list[str]:
    """Without a name for others there is no TLS; then nobody else may reach it."""
    if not settings.IS_LOCAL or _is_here(host):
        return []
    said = f"--listen {host} is reached from elsewhere, without TLS while TOCSIN_HOSTS names nobody"
    return [f"{said}. Possible: --listen 127.0.0.1:8000, or TOCSIN_HOSTS with TOCSIN_PROXIES"]


def _of_secrets(store: Path) -> list[str]:
    short = "keys/django-secret is too short. Possible: restore it, or remove it"
    folder = store / "keys"
    readable = [
        f"{path} can be read by others. Possible: chmod go= {path}"
        for path in [folder, *folder.rglob("*")]
        if path.exists() and path.stat().st_mode & 0o077
    ]
    return [*([short] if len(settings.SECRET_KEY) < _SHORTEST_SECRET else []), *readable]


def _of_mail() -> list[str]:
    host = os.environ.get("TOCSIN_SMTP_HOST", "")
    if os.environ.get("TOCSIN_SMTP_STARTTLS") == "off" and host and not _is_here(host):
        return [
            f"TOCSIN_SMTP_STARTTLS=off sends mail to {host} in clear. Possible: require, implicit"
        ]
    return []


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
