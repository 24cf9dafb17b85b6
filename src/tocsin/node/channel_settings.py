"""This node's own settings per channel, from the environment (docs/reference/settings.md)."""

import os
from collections.abc import Mapping
from pathlib import Path

from tocsin.channels import webhook
from tocsin.node.store import Store
from tocsin.words.errors import Unusable

WEBHOOK = {
    "allow": "TOCSIN_WEBHOOK_ALLOW",
    "ports": "TOCSIN_WEBHOOK_PORTS",
    "ca_file": "TOCSIN_WEBHOOK_CA_FILE",
    "timeout": "TOCSIN_WEBHOOK_TIMEOUT",
}


def channel_settings(store: Store, *, root: Path) -> dict[str, dict[str, str]]:
    """What `office.outbox` hands to each channel; `root` is the folder channel's.

    Raises `Unusable` for a setting that cannot work, before anything is handed over.
    """
    return {"folder": {"root": str(root)}, "webhook": _webhook(store)}


def _webhook(store: Store) -> dict[str, str]:
    settings = {**_set(WEBHOOK), "secrets": str(store.keys / "webhooks")}
    try:
        webhook.read_policy(settings)
    except Unusable as fault:
        raise Unusable(f"TOCSIN_WEBHOOK_…: {fault}") from fault
    return settings


def _set(names: Mapping[str, str]) -> dict[str, str]:
    return {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}
