"""The ways in that the worker looks after, from the environment (docs/reference/settings.md)."""

import os
from pathlib import Path

from tocsin.channels import imap, shadowserver_api
from tocsin.words.errors import Unusable
from tocsin.words.markings import read_tlp

WATCH = {
    "path": "TOCSIN_WATCH_FOLDER",
    "settle": "TOCSIN_WATCH_SETTLE",
    "tlp": "TOCSIN_WATCH_TLP",
}
IMAP = {
    "host": "TOCSIN_IMAP_HOST",
    "port": "TOCSIN_IMAP_PORT",
    "tls": "TOCSIN_IMAP_TLS",
    "user": "TOCSIN_IMAP_USER",
    "password_file": "TOCSIN_IMAP_PASSWORD_FILE",
    "token_file": "TOCSIN_IMAP_TOKEN_FILE",
    "folder": "TOCSIN_IMAP_FOLDER",
    "done": "TOCSIN_IMAP_DONE_FOLDER",
    "ca_file": "TOCSIN_IMAP_CA_FILE",
    "tlp": "TOCSIN_IMAP_TLP",
}
SHADOWSERVER = {
    "key_file": "TOCSIN_SHADOWSERVER_KEY_FILE",
    "reports": "TOCSIN_SHADOWSERVER_REPORTS",
    "days": "TOCSIN_SHADOWSERVER_DAYS",
    "calls": "TOCSIN_SHADOWSERVER_URL",
    "files": "TOCSIN_SHADOWSERVER_FILES_URL",
    "tlp": "TOCSIN_SHADOWSERVER_TLP",
}
_SETTLE, _DAYS = "10", "3"


def intake_settings() -> dict[str, dict[str, str]]:
    """By way in; raises `Unusable`, naming the settings that cannot be used."""
    watch, mailbox, feed = _set(WATCH), _set(IMAP), _set(SHADOWSERVER)
    watch["settle"] = _whole(WATCH["settle"], _SETTLE, least=1, most=3600)
    feed["days"] = _whole(SHADOWSERVER["days"], _DAYS, least=0, most=30)
    for names, settings in ((WATCH, watch), (IMAP, mailbox), (SHADOWSERVER, feed)):
        settings["tlp"] = _tlp(names["tlp"], settings)
    if watch.get("path") and not Path(watch["path"]).is_absolute():
        raise Unusable(f"{WATCH['path']}: possible is an absolute path")
    for prefix, check, settings in (
        ("TOCSIN_IMAP_…", imap.place_of, mailbox),
        ("TOCSIN_SHADOWSERVER_…", shadowserver_api.account_of, feed),
    ):
        try:
            check(settings)
        except Unusable as fault:
            raise Unusable(f"{prefix}: {fault}") from fault
    return {"watch": watch, "imap": mailbox, "shadowserver": feed}


def _set(names: dict[str, str]) -> dict[str, str]:
    found = {key: os.environ.get(name, "").strip() for key, name in names.items()}
    return {key: value for key, value in found.items() if value}


def _whole(name: str, default: str, *, least: int, most: int) -> str:
    text = os.environ.get(name, "").strip() or default
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return text
    raise Unusable(f"{name}={text!r} cannot be used. Possible: {least} to {most}")


def _tlp(name: str, settings: dict[str, str]) -> str:
    try:
        return read_tlp(settings.get("tlp", "amber")).value
    except Unusable as fault:
        raise Unusable(f"{name}: {fault}") from fault
