"""What the response desk does on a schedule."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from tocsin.channels import imap, shadowserver_api
from tocsin.desks.response.actions.cleaning_up import count_clean_up
from tocsin.desks.response.actions.fetch_shadowserver import fetch_shadowserver
from tocsin.desks.response.actions.hearing import tell_cases
from tocsin.desks.response.actions.read_mailbox import read_mailbox
from tocsin.desks.response.actions.reporters import tell_reporters
from tocsin.desks.response.actions.take_in import Bench, Brought, work_through
from tocsin.desks.response.actions.upload import expire_uploads
from tocsin.desks.response.actions.watch_folder import Watched, watch_folder
from tocsin.formats import xarf
from tocsin.office.jobs import Recurring, Slot
from tocsin.office.models import Party
from tocsin.words.markings import Tlp


def work_intakes(slot: Slot) -> str | None:
    """Work what was brought in by upload and waits."""
    node = slot.settings["node"]
    sender = xarf.Sender(node["name"], node["contact"], node["domain"]) if node["contact"] else None
    bench = Bench(
        owner=slot.by,
        store_folder=slot.store_folder,
        node=node["name"],
        sender=sender,
        overlay=settings.OVERLAY,
        lease=slot.lease,
    )
    return "; ".join(work_through(bench, at=slot.at)) or None


def watch(slot: Slot) -> str | None:
    """Take in what was put into the watched folder."""
    words = slot.settings.get("watch", {})
    if not words.get("path"):
        return None
    watched = Watched(Path(words["path"]), _brought(words), timedelta(seconds=int(words["settle"])))
    said = watch_folder(watched, **_common(slot))
    return "; ".join(said) or None


def read_mail(slot: Slot) -> str | None:
    """Read what is new in the mailbox."""
    words = slot.settings.get("imap", {})
    place = imap.place_of(words)
    if place is None:
        return None
    counts = read_mailbox(place, brought=_brought(words), **_common(slot))
    return ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or None


def fetch_reports(slot: Slot) -> str | None:
    """Fetch what is new of the Shadowserver Foundation's reports."""
    words = slot.settings.get("shadowserver", {})
    account = shadowserver_api.account_of(words)
    if account is None:
        return None
    days, brought = int(words["days"]), _brought(words)
    taken = fetch_shadowserver(account, days=days, brought=brought, **_common(slot))
    return f"{taken} reports fetched" if taken else None


def drop_uploads(slot: Slot) -> str | None:
    """Drop uploads that nobody ended within a day."""
    dropped = expire_uploads(at=slot.at, store_folder=slot.store_folder)
    return f"{dropped} uploads dropped" if dropped else None


def _brought(words: Mapping[str, str]) -> Brought:
    return Brought(Tlp(words["tlp"]))


def _common(slot: Slot) -> dict[str, Any]:
    """What came by itself was brought in by nobody but the party that runs the node."""
    return {
        "party": Party.objects.filter(runs_node=True).first(),
        "by": slot.by,
        "at": slot.at,
        "store_folder": slot.store_folder,
    }


def tell(slot: Slot) -> str | None:
    """Cases whose delivery was handed over are told; their clocks start."""
    told = tell_cases(by=slot.by, at=slot.at)
    return f"{told:,} cases told" if told else None


def tell_back(slot: Slot) -> str | None:
    """Reporters that want it hear once a day what became of what they sent."""
    told = tell_reporters(
        by=slot.by,
        at=slot.at,
        store_folder=slot.store_folder,
        node=slot.settings["node"]["name"],
    )
    return f"feedback to {', '.join(told)}" if told else None


def count(slot: Slot) -> str | None:
    """How fast each network's infections go away, counted anew."""
    networks = count_clean_up(store_folder=slot.store_folder, at=slot.at)
    return f"clean-up of {networks:,} networks counted" if networks else None


def ways_in() -> list[Recurring]:
    """What takes reports in and routes them. What works on whole reports has a lane of its own."""
    return [
        Recurring("expire-uploads", timedelta(hours=1), drop_uploads),
        Recurring("fetch-shadowserver", timedelta(hours=1), fetch_reports, lane="shadowserver"),
        Recurring("read-mailbox", timedelta(minutes=1), read_mail, lane="mailbox"),
        Recurring("take-in", timedelta(seconds=2), work_intakes, lane="reports"),
        Recurring("watch-folder", timedelta(seconds=5), watch, lane="folder-in"),
    ]


def recurring() -> list[Recurring]:
    """Every job with its schedule."""
    return [
        *ways_in(),
        Recurring("count-clean-up", timedelta(hours=6), count),
        Recurring("tell-cases", timedelta(seconds=5), tell),
        Recurring("tell-reporters", timedelta(hours=1), tell_back),
    ]
