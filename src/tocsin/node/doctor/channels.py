"""Channels: whether what parties want can be spoken, and whoever it goes through answers."""

from collections.abc import Iterator
from typing import Any

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, named, note, ok, wrong
from tocsin.words.errors import TocsinError

AREA = "channels"
MOST_LOOKED_UP = 50


def look(case: Case) -> Iterator[Finding]:
    """Greets the mail server and looks names up; sends nothing."""
    from tocsin.office.models import Party

    active = Party.objects.filter(active=True)
    found = [*_mail(case, active), *_webhooks(case, active), *_openpgp(case, active)]
    yield from found or [ok(AREA, "all that parties want can be spoken")]


def _settings(case: Case, channel: str) -> dict[str, str]:
    from tocsin.node.channel_settings import channel_settings

    return channel_settings(case.store, root=case.store.path, over=[channel])[channel]


def _mail(case: Case, active: Any) -> Iterator[Finding]:
    from tocsin.channels import mail_greeting

    by_mail = active.filter(channel="mail").count()
    try:
        settings = _settings(case, "mail")
    except TocsinError:
        return  # the settings say so
    if not settings.get("host"):
        if by_mail:
            what = f"no mail server is set, and {many(by_mail, 'party takes', 'parties take')} mail"
            yield wrong(AREA, what, "TOCSIN_SMTP_HOST and TOCSIN_SMTP_FROM")
        return
    if case.quick:
        return
    try:
        yield ok(AREA, mail_greeting.greet(settings))
    except TocsinError as fault:
        mend = "see that it runs and takes us; TOCSIN_SMTP_HOST, _PORT, _STARTTLS, _USER"
        yield wrong(AREA, str(fault), mend)


def _webhooks(case: Case, active: Any) -> Iterator[Finding]:
    from tocsin.channels import webhook

    try:
        settings = _settings(case, "webhook")
    except TocsinError:
        return  # the settings say so
    targets = active.filter(channel="webhook").exclude(channel_address="")
    if case.quick:
        return
    for party in targets[:MOST_LOOKED_UP]:
        try:
            webhook.require_reachable(party.channel_address, settings)
        except TocsinError as fault:
            what, _, mend = str(fault).partition(" Possible: ")
            what = what.rstrip(".").removesuffix(". It is tried again")
            yield wrong(AREA, f"{party.slug}: {what}", mend or "ask the party for its address")


def _openpgp(case: Case, active: Any) -> Iterator[Finding]:
    from tocsin.channels import openpgp

    holders = list(active.exclude(key=""))
    if holders and not openpgp.is_installed():
        what = f"OpenPGP is not installed, and these have a key: {named(p.slug for p in holders)}"
        yield wrong(AREA, what, "pip install 'tocsin[openpgp]'")
        return
    for party in holders:
        try:
            openpgp.require_usable(party.key, at=case.at)
        except TocsinError as fault:
            what, _, mend = str(fault).partition(" Possible: ")
            what = what.removesuffix("; nothing was sent.").rstrip(".")
            yield wrong(AREA, f"{party.slug}: {what}", mend or "ask for its new key and import it")
    if case.quick and not holders:
        yield note(AREA, "mail server and webhooks were not asked", "tocsin doctor without --quick")
