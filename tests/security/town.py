"""A town for the tests of leaks: two providers, who runs the node, and something of every kind.

Whatever belongs to the hidden provider carries `CANARY` in each of its texts, so that a leak is
found by what it says, not only by what it changes.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import time_machine
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.test import Client

from tests.node.api.conftest import NAME, report
from tocsin.desks.response import actions as desk
from tocsin.desks.response.actions.notifying import begin_notification, step_notification
from tocsin.desks.response.actions.saved_filters import save_filter
from tocsin.desks.response.actions.take_in import Bench, work_through
from tocsin.desks.response.models import (
    Case,
    CleanUp,
    Intake,
    Notification,
    Report,
    SavedFilter,
    Upload,
)
from tocsin.desks.response.queries import Filters
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.actions.receiving import Brought, receive_message
from tocsin.desks.shield.models import Name
from tocsin.flow.remits import Agreement, Recipient, Remit
from tocsin.node.api import site
from tocsin.office.models import Delivery, Party
from tocsin.office.parties import changing
from tocsin.office.parties.entry import ContactLine, Entry
from tocsin.office.people import actions as people
from tocsin.office.people.models import Invitation, Mandate, Person, SharingGroup, Token
from tocsin.office.people.viewer import Viewer, scopes_of, viewer_of
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CANARY = "kestrel"
MINE, THEIRS, NODE = "meadow-net", f"{CANARY}-net", "csirt-be"
ADDRESS = {MINE: "192.0.2.7", THEIRS: "198.51.100.9"}
SECRET = "JBSWY3DPEHPK3PXP"
UNKNOWN = UUID("0123456789abcdef0123456789abcdef")


@dataclass
class Side:
    """What there is of one party, by noun: how addresses name it."""

    slug: str
    objects: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)  # text of tokens, of invitations


@dataclass
class Town:
    """Everybody, as browsers and as programs."""

    store: Path
    sides: dict[str, Side] = field(default_factory=dict)
    browsers: dict[str, Client] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def mine(self) -> Side:
        return self.sides[MINE]

    @property
    def theirs(self) -> Side:
        return self.sides[THEIRS]


# ── building ─────────────────────────────────────────────────────────────────────────────


def build(store: Path) -> Town:
    """The node and one provider with all its matters; `hide` adds the other one."""
    for throttle in site.api.throttle:
        throttle._buckets.clear()
    town = Town(store)
    _party(NODE, "Test CERT", Role.CSIRT, remits=())
    people.run_node(Party.objects.get(slug=NODE), by="test", at=NOON - 9 * HOUR)
    _person("dora", NODE, "response.handle", "nis2.receive", "shield.propose", "shield.review")
    _person("rolf", NODE, "shield.review")
    _person("nora", NODE, "party.administer", "response.handle")
    _party("watchdog", "Data Watch", Role.OVERSIGHT, remits=())
    _person("otto", "watchdog", "oversee", "party.administer")
    people.add_person(
        email="sam@nowhere.example", name="Sam", language="en", by="test", at=NOON - 9 * HOUR
    )
    town.tokens["desk"] = _token(_mandate("dora", NODE))
    _fill(town, MINE, "Meadow Net")
    for name, address in {
        "desk": "dora@csirt-be.example",
        "node admin": "nora@csirt-be.example",
        "oversight": "otto@watchdog.example",
        "stranger": "sam@nowhere.example",
        "answers": f"ada@{MINE}.example",
        "administers": f"bea@{MINE}.example",
    }.items():
        town.browsers[name] = signed_in(Person.objects.get(email=address))
    town.browsers["nobody"] = Client()
    return town


def hide(town: Town) -> None:
    """The other provider, with as much of everything."""
    _fill(town, THEIRS, f"{CANARY.title()} Net")
    for name in ("ada", "bea"):
        somebody = Person.objects.get(email=f"{name}@{THEIRS}.example")
        town.browsers[f"their {name}"] = signed_in(somebody)


def _fill(town: Town, slug: str, name: str) -> None:
    """A provider: people, tokens, an invitation, reports, cases, deliveries, notifications."""
    word = CANARY if slug == THEIRS else "meadow"
    text = f"{word} {word}"
    party = _party(
        slug, name, Role.ISP, remits=((RemitKind.PREFIX, f"{ADDRESS[slug]}/32"),), text=word
    )
    ada = _person(
        "ada", slug, "response.answer", "nis2.notify", "shield.propose", name=f"Ada {word}"
    )
    bea = _person("bea", slug, "party.administer", name=f"Bea {word}")
    carl = _person("carl", slug, "response.answer", name=f"Carl {word}")
    side = town.sides[slug] = Side(slug)
    side.secrets["token"] = town.tokens[slug] = _token(_mandate("ada", slug))
    people.invite(
        party,
        email=f"new@{slug}.example",
        name=f"New {word}",
        language="en",
        competences=["party.administer"],
        until=None,
        viewer=bea,
        at=NOON - HOUR,
        link=lambda secret: side.secrets.setdefault("invitation", secret),
    )
    node = _viewer("dora", NODE)
    group = people.make_group(name=f"Group {word}", purpose=text, viewer=node, at=NOON - HOUR)
    people.add_member(group, party, viewer=node, at=NOON - HOUR)
    _reports(town, side, word)
    case = Case.objects.get(party=party)
    desk.answer(ada, case.uid, step="acknowledge", note=text, at=NOON - HOUR / 2)
    desk.comment(ada, case.uid, text=text, at=NOON - HOUR / 3)
    desk.comment(node, case.uid, text=text, for_desk=True, at=NOON - HOUR / 4)
    desk.tag(node, case.uid, name=word, at=NOON - HOUR / 4)
    notice = begin_notification(
        ada, party=slug, lifecycle="incident", subject=text, aware_at=NOON - HOUR, at=NOON - HOUR
    )
    step_notification(ada, notice.uid, step="warn", text=text, at=NOON - HOUR / 2)
    save_filter(ada, name=word, filters=Filters.read({"text": [word]}), at=NOON - HOUR)
    CleanUp.objects.create(
        party=party, counted_at=NOON, first=NOON.date(), last=NOON.date(), quiet=14, spells=3,
        over=1, median=2, coming_back=0.5, half_life=9.5, still=[[2, 0.5, 0.2, 0.9]],
    )  # fmt: skip
    _name(side, ada, carl, group=group, notice=notice)
    _shield(town, side, ada, node, word=word)


def _name(
    side: Side, ada: Viewer, carl: Viewer, *, group: SharingGroup, notice: Notification
) -> None:
    """How addresses call each of them."""
    party = Party.objects.get(slug=side.slug)
    own = Intake.objects.get(party=party)
    side.objects = {
        "party": party.slug,
        "case": Case.objects.get(party=party).uid.hex,
        "delivery": Delivery.objects.filter(party=party, run__isnull=False)[0].uid.hex,
        "intake": own.uid.hex,
        "report": Report.objects.get(run=own.run).uid.hex,
        "upload": Upload.objects.get(party=party).uid.hex,
        "invitation": Invitation.objects.get(party=party).uid.hex,
        "secret": side.secrets["invitation"],
        "mandate": carl.mandates[0].uid.hex,
        "own mandate": ada.mandates[0].uid.hex,
        "person": str(carl.person.uid.hex if carl.person else ""),
        "token": Token.objects.get(mandate__party=party).uid.hex,
        "group": group.uid.hex,
        "notification": notice.uid.hex,
        "filter": SavedFilter.objects.get(person=ada.person).uid.hex,
        "passkey": str(_passkey(ada)),
    }


def _shield(town: Town, side: Side, ada: Viewer, node: Viewer, *, word: str) -> None:
    """A message that was sent in, a listing that the party proposed, an appeal, a name."""
    brought = Brought(text=f"https://{word}-bank.example/{word}", answer_to=f"{word}@x.example")
    message = receive_message(brought, by="public", at=NOON - HOUR, store_folder=town.store)
    proposed = approve(
        ada, url=f"https://{word}-shop.example/", reason=word, basis=word, at=NOON - HOUR
    )
    # Not by dora, who decides the appeal against it.
    rolf = _viewer("rolf", NODE)
    step_listing(rolf, proposed.uid, step="confirm", text=word, at=NOON - HOUR)
    appeal = file_appeal(
        about=f"{word}-shop.example",
        text=word,
        answer_to="",
        language="en",
        is_cleaned=False,
        by="public",
        at=NOON - HOUR,
    )
    add_names(node, kind="top_site", values=f"{word}-news.example", at=NOON - HOUR)
    due = proposed.rechecks.all()[0]
    due.due_at = NOON - HOUR
    due.save(update_fields=["due_at"])
    side.objects |= {
        "recheck": due.uid.hex,
        "lure": message.sightings.get().group.uid.hex,
        "message": message.uid.hex,
        "reference": message.reference,
        "listing": proposed.uid.hex,
        "appeal": appeal.uid.hex,
        "name": Name.objects.get(value=f"{word}-news.example").uid.hex,
    }


def _passkey(viewer: Viewer) -> int:
    """A second factor of somebody, as the list of them knows it."""
    return int(TOTP.activate(viewer.person, SECRET).instance.pk)


def _reports(town: Town, side: Side, word: str) -> None:
    """What the desk routed about it, what it reported itself, what it began to send."""
    data = report(ADDRESS[side.slug], tag=word)
    for path, token in (
        (f"/reports?name={word}-a-{NAME}", town.tokens["desk"]),
        (f"/reports?name={word}-b-{NAME}", town.tokens[side.slug]),
    ):
        sent = call(token, "POST", path, data)
        assert sent.status_code == 202, sent.content
        data = report(ADDRESS[side.slug], tag=f"{word}-2")
    assert call(town.tokens[side.slug], "POST", f"/uploads?name={word}&length=9").status_code == 201
    said = work_through(Bench("test", town.store, "Test CERT", None, None), at=NOON + HOUR)
    assert [line.partition(" ")[2] for line in said] == ["routed", "routed"]


def _party(
    slug: str,
    name: str,
    role: Role,
    *,
    remits: tuple[tuple[RemitKind, str], ...],
    text: str = "x",
) -> Party:
    recipient = Recipient(slug, name, role, "BE", "idf-csv", "folder")
    lines = (ContactLine("email", f"{text}@{slug}.example", purpose="abuse"),)
    entry = Entry(
        recipient=recipient,
        contacts=lines,
        remits=tuple(Remit(slug, kind, value, Relation.NETWORK) for kind, value in remits),
        agreements=(
            (Agreement(slug, Relation.NETWORK, ("*",), f"{text}/1", text, date(2026, 1, 1)),)
            if remits
            else ()
        ),
    )
    return changing.create_entry(changing.checked(entry), at=NOON - 9 * HOUR)


def _person(word: str, slug: str, *competences: str, name: str = "") -> Viewer:
    """Somebody with a mandate since this morning."""
    person = people.add_person(
        email=f"{word}@{slug}.example",
        name=name or word.title(),
        language="en",
        by="test",
        at=NOON - 9 * HOUR,
    )
    party = Party.objects.get(slug=slug)
    people.grant(person, party, competences=competences, by="test", at=NOON - 9 * HOUR)
    return viewer_of(person, at=NOON)


def _viewer(word: str, slug: str) -> Viewer:
    return viewer_of(Person.objects.get(email=f"{word}@{slug}.example"), at=NOON)


def _mandate(word: str, slug: str) -> Mandate:
    return _viewer(word, slug).mandates[0]


def _token(mandate: Mandate) -> str:
    """The text of a token with every scope there is under a mandate."""
    _, text = people.make_token(
        mandate,
        name=f"{mandate.party.slug} program",
        scopes=scopes_of(mandate),
        expires_at=NOON + 24 * HOUR,
        by="test",
        at=NOON - HOUR,
    )
    return text


# ── asking ───────────────────────────────────────────────────────────────────────────────


def signed_in(person: Person) -> Client:
    """A browser whose session showed a second factor."""
    if not person.authenticator_set.exists():
        TOTP.activate(person, SECRET)
    client = Client(raise_request_exception=False)
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    session, now = client.session, time.time()
    session["account_authentication_methods_user"] = str(person.pk)
    session["account_authentication_methods"] = [
        {"method": "password", "at": now, "email": person.email},
        {"method": "mfa", "at": now, "type": "totp"},
    ]
    session["seen"] = int(now)
    session.save()
    return client


def call(token: str, method: str, path: str, body: Any = b"", **words: Any) -> Any:
    """One call of a program."""
    headers = {"Authorization": f"Bearer {token}", **words.pop("headers", {})}
    kind = words.pop("content_type", "application/octet-stream")
    return Client(raise_request_exception=False).generic(
        method, f"/api/v1{path}", body, content_type=kind, headers=headers
    )


def content(response: Any) -> bytes:
    """What was answered, streamed or not."""
    if response.streaming:
        return b"".join(response.streaming_content)
    return bytes(response.content)


@contextmanager
def standing_clock() -> Iterator[Callable[[], None]]:
    """It is noon, and stays so."""
    with time_machine.travel(NOON, tick=False) as clock:
        yield lambda: clock.shift(1)


def prepare(store: Any, monkeypatch: Any, overrides: Any) -> None:
    """A suite has no store and no key; the node of the town has."""
    monkeypatch.setattr(settings._wrapped, "SECRET_KEY", "x" * 60)
    overrides.STORE, overrides.OVERLAY = store.path, None
    overrides.ALLOWED_HOSTS = ["testserver", "localhost"]
    overrides.SECURE_SSL_REDIRECT = False
    overrides.API_RATE = 10_000_000


def nothing() -> dict[str, str]:
    """What addresses name and what is not there."""
    words = {noun: uuid4().hex for noun in _NOUNS}
    return {
        **words,
        "party": "nowhere-net",
        "passkey": "987654",
        "secret": "x" * 43,
        "reference": "AAAA-BBBB-CCCC",
    }


_NOUNS = (
    *("case", "delivery", "intake", "report", "upload", "invitation", "mandate", "own mandate"),
    *("person", "token", "group", "notification", "filter"),
    *("lure", "message", "listing", "appeal", "name", "recheck"),
)
