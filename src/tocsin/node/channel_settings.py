"""This node's own settings per channel, from the environment (docs/reference/settings.md)."""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from tocsin.channels import mail, webhook
from tocsin.node.store import Store
from tocsin.words.errors import Undelivered, Unusable

MAIL = {
    "host": "TOCSIN_SMTP_HOST",
    "port": "TOCSIN_SMTP_PORT",
    "starttls": "TOCSIN_SMTP_STARTTLS",
    "user": "TOCSIN_SMTP_USER",
    "password_file": "TOCSIN_SMTP_PASSWORD_FILE",
    "from": "TOCSIN_SMTP_FROM",
    "reply_to": "TOCSIN_SMTP_REPLY_TO",
    "size_limit": "TOCSIN_SMTP_SIZE_LIMIT",
    "ca_file": "TOCSIN_SMTP_CA_FILE",
}
WEBHOOK = {
    "allow": "TOCSIN_WEBHOOK_ALLOW",
    "ports": "TOCSIN_WEBHOOK_PORTS",
    "ca_file": "TOCSIN_WEBHOOK_CA_FILE",
    "timeout": "TOCSIN_WEBHOOK_TIMEOUT",
}


def channel_settings(
    store: Store, *, root: Path, over: Collection[str] | None = None
) -> dict[str, dict[str, str]]:
    """What `office.outbox` hands to each channel (None: all); `root` is the folder channel's.

    Raises `Unusable` for a setting that cannot work, before anything is handed over; those of a
    channel that is not to be worked do not matter.
    """
    made: dict[str, Callable[[], dict[str, str]]] = {
        "folder": lambda: {"root": str(root)},
        "mail": lambda: _mail(store),
        "webhook": lambda: _webhook(store),
    }
    return {name: make() for name, make in made.items() if over is None or name in over}


def idle_channels(settings: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Channels that cannot be worked as this node is set up, and why: nothing is tried there."""
    if "mail" not in settings or settings["mail"].get("host"):
        return {}
    return {"mail": "no mail server is set. Possible: TOCSIN_SMTP_HOST and TOCSIN_SMTP_FROM"}


def mail_settings() -> dict[str, str]:
    """Those of the mail server alone, for mail that is no delivery."""
    return _set(MAIL)


def _mail(store: Store) -> dict[str, str]:
    """Without a server at all, mail waits until one is set."""
    settings = {**_set(MAIL), "openpgp_key": str(store.keys / "openpgp.asc")}
    if "host" in settings:
        try:
            mail.server_of(settings)
        except Undelivered as fault:
            raise Unusable(str(fault)) from fault
    return settings


def _webhook(store: Store) -> dict[str, str]:
    settings = {**_set(WEBHOOK), "secrets": str(store.keys / "webhooks")}
    try:
        webhook.read_policy(settings)
    except Unusable as fault:
        raise Unusable(f"TOCSIN_WEBHOOK_…: {fault}") from fault
    return settings


def _set(names: Mapping[str, str]) -> dict[str, str]:
    return {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}
