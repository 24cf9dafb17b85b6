"""A reviewer asks where an address leads; a process of its own looks, and a row says what it saw.

Off unless the operator turns it on: whoever is asked learns that somebody looked, and from where.
"""

import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from tocsin.channels.landing import Fetcher
from tocsin.desks.shield.actions.confining import say_what_is_open
from tocsin.desks.shield.actions.triaging import groups_of
from tocsin.desks.shield.models import Group, Look
from tocsin.desks.shield.queries.listings import REVIEW
from tocsin.flow.urls import read_url
from tocsin.office import register
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Refused, TocsinError, Unreadable
from tocsin.words.moments import as_utc

MOST_ANSWER = 64 * 1024
SECONDS = 60  # for the process, which gives itself half of it
AGAIN = timedelta(minutes=10)


def ask_for_look(viewer: Viewer, uid: UUID, *, fetcher: Fetcher, at: datetime) -> Look:
    """Have the address of a group looked at; raises `NotFound`, `Refused`."""
    viewer.require(REVIEW)
    if not fetcher.is_on:
        raise Refused(
            "this node fetches nothing. Possible: whoever runs it sets TOCSIN_SHIELD_FETCHER"
        )
    with transaction.atomic():
        group = Group.objects.select_for_update().filter(uid=uid).exclude(key="").first()
        if group is None or not viewer.may("shield:message:read"):
            raise NotFound(f"there is no group {uid}")
        recent = group.looks.filter(asked_at__gt=as_utc(at) - AGAIN).first()
        if recent is not None:
            raise Refused("somebody asked for it within ten minutes. Possible: a little later")
        look = Look.objects.create(
            group=group,
            url=read_url(group.landing or group.key).text[:2000],
            asked_at=as_utc(at),
            asked_by=viewer.person,
        )
        register.record(
            action="shield:group:fetch", actor=viewer.name, at=at, subject=group.uid, facts={}
        )
    return look


def next_look() -> Look | None:
    """The one that waits longest."""
    rows = Look.objects.filter(state=Look.State.WAITING).select_related("group")
    return rows.order_by("asked_at", "pk").first()


def take_look(look: Look, *, fetcher: Fetcher, at: datetime) -> Look:
    """Run the process and write down what it says, checked; it has written nothing itself."""
    say_what_is_open()
    try:
        said = _run(fetcher.order(look.url))
    except (OSError, subprocess.SubprocessError, ValueError) as fault:
        said = {"fault": f"the fetcher ended without a result ({type(fault).__name__})"}
    look.fault = _text(said.get("fault"), 300)
    look.state = Look.State.FAILED if look.fault else Look.State.DONE
    look.done_at = as_utc(at)
    look.landing, look.place = _landing(said.get("landing"))
    look.place_digest = hashlib.sha256(look.place.encode()).hexdigest() if look.place else ""
    look.status, look.size = _number(said.get("status"), 999), _number(said.get("size"), 2**31 - 1)
    look.title = _text(said.get("title"), 200)
    look.digest = _text(said.get("digest"), 64)
    look.names = [_text(one, 253) for one in _many(said.get("names"), 20)]
    look.hops = [
        {"url": _text(one.get("url"), 2000), "status": _number(one.get("status"), 999)}
        for one in _many(said.get("hops"), 10)
        if isinstance(one, dict)
    ]
    look.save()
    return look


def _run(order: bytes) -> dict[str, Any]:
    """One process, one result; of the environment it gets nothing."""
    done = subprocess.run(
        [sys.executable, "-I", "-m", "tocsin.channels.landing"],
        input=order,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=SECONDS,
        check=True,
        cwd="/",
        env={"PATH": os.defpath},
        start_new_session=True,
    )
    if len(done.stdout) > MOST_ANSWER:
        raise ValueError("too long")
    said = json.loads(done.stdout)
    if not isinstance(said, dict):
        raise ValueError("no object")  # noqa: TRY004 what is wrong is the answer, not a type
    return said


def _landing(said: object) -> tuple[str, str]:
    """The end of the chain in one spelling, and the place that it is."""
    try:
        url = read_url(_text(said, 2000)).text if said else ""
        return (url[:2000], groups_of([url])[url][:2000]) if url else ("", "")
    except (Unreadable, TocsinError):
        return "", ""


def _text(said: object, most: int) -> str:
    """Text on one line, of a process that read what strangers wrote."""
    if not isinstance(said, str):
        return ""
    return "".join(char if char.isprintable() else " " for char in said)[:most]


def _number(said: object, most: int) -> int:
    return min(max(said, 0), most) if isinstance(said, int) else 0


def _many(said: object, most: int) -> list[Any]:
    return said[:most] if isinstance(said, list) else []
