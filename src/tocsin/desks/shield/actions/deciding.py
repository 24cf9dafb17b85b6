"""Listings: approved by one, confirmed by another, overridden by a third; always with a reason.

Which step leads where, who may take it and who not after what: `rules/shield.py`.
"""

from collections.abc import Callable
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from tocsin.desks.shield.actions import announcing, clocks, editions, keeping, planning
from tocsin.desks.shield.actions.answering import answer_appeal, answer_messages
from tocsin.desks.shield.actions.counting import count_listed, count_withdrawn
from tocsin.desks.shield.actions.references import reference
from tocsin.desks.shield.actions.triaging import MOST_JUDGED, retriage
from tocsin.desks.shield.models import Act, Group, Listing
from tocsin.desks.shield.queries.choosing import choice_for, require_of_group
from tocsin.desks.shield.queries.covering import uncovered
from tocsin.desks.shield.queries.known import known
from tocsin.desks.shield.queries.listings import (
    PROPOSE,
    REVIEW,
    actor_of,
    find_listing,
    visible_listings,
)
from tocsin.desks.shield.queries.steps import require_warned, taken_in_term
from tocsin.flow.domains import registrable_domain
from tocsin.flow.scope import Choice
from tocsin.flow.urls import Landing, read_url
from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people.viewer import Viewer
from tocsin.rules.audiences import MARKINGS, PUBLIC
from tocsin.rules.lifecycle import NODE, Actor, take
from tocsin.rules.listing import Scope, expires_at
from tocsin.rules.shield import (
    IN_FORCE,
    LISTING,
    require_another_person,
)
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.markings import Tlp, read_tlp
from tocsin.words.moments import as_utc

LONGEST_REASON = 2000


def approve(
    viewer: Viewer,
    *,
    url: str,
    reason: str,
    basis: str,
    scope: str | None = None,
    address: str = "",
    tlp: str = PUBLIC.most.value,
    group: UUID | None = None,
    is_shared: bool = False,
    at: datetime,
) -> Listing:
    """Propose what the software chose, and approve it as the first of two people.

    Raises `Refused` where the mandate does not reach, where the name can never be listed, or where
    it is listed or proposed already, and with a `group` that has no such address; `Unusable`
    without a reason and a legal basis. `address` is
    what the name resolved to, for the notice to its network; nobody looks it up here. `tlp` says
    for whom it is: which audiences' lists it stands on (`rules/audiences.py`). With `is_shared`
    one address alone is listed: the site serves something else too, or was broken into.
    """
    viewer.require(PROPOSE)
    said, law = _require_text(reason, "a reason"), _require_text(basis, "a legal basis")[:300]
    choice, marking = choice_for(url, scope, is_shared=is_shared), _marking(tlp)
    if choice.is_final:
        raise Refused(
            f"listing: {'; '.join(choice.warnings.values())}. Nobody can override that. "
            "Possible: reject it, or tell whoever runs the name"
        )
    if len(choice.value) > 2000:
        raise Unusable("an address has at most 2000 characters")
    with transaction.atomic():
        found = _locked_group(viewer, group) if group else None
        if found is not None:
            require_of_group(found, url, choice)
        _require_new(viewer, choice)
        row = Listing.objects.create(
            reference=reference(),
            group=found,
            party=_party_of(viewer),
            scope=str(choice.scope),
            value=choice.value,
            url=read_url(url).text[:2000],
            over_https=read_url(url).scheme == "https",
            tlp=marking.value,
            address=_address(address, read_url(url)),
            brand=_brand(read_url(url).host),
            because=choice.because[:500],
            reason=said,
            basis=law,
            state=LISTING.start,
            warnings={str(kind): text for kind, text in choice.warnings.items()},
            proposed_at=as_utc(at),
            changed_at=as_utc(at),
        )
        _step(row, "approve", viewer, text=said, at=at)
        clocks.start("confirm", row.uid, started_at=at, by=viewer.name, at=at)
        clocks.start("lapse", row.uid, started_at=at, by=viewer.name, at=at)
        if found is not None:
            clocks.meet("approve", found.uid, by=viewer.name, at=at)
            _set_group(found, Group.State.WAITING, at=at)
    return row


def reject_group(viewer: Viewer, group: UUID, *, reason: str, at: datetime) -> Group:
    """Decide that nothing of a group is to be listed; its reporters are told."""
    viewer.require(REVIEW)
    said = _require_text(reason, "a reason")
    with transaction.atomic():
        found = _locked_group(viewer, group)
        if found.state not in (Group.State.OPEN, Group.State.WAITING):
            raise Refused(f"group: it is {found.state} already. Possible: nothing now")
        pending = found.listings.filter(state__in=("proposed", "approved")).select_for_update()
        for row in pending:
            _step(row, "reject", viewer, text=said, at=at)
            clocks.drop(row.uid, why="rejected", by=viewer.name, at=at)
        state = Group.State.LISTED if _is_listed(found) else Group.State.REJECTED
        _set_group(found, state, at=at)
        clocks.meet("approve", found.uid, by=viewer.name, at=at)
        facts: dict[str, register.Fact] = {"state": str(state), "messages": found.messages}
        register.record(
            action="shield:group:reject", actor=viewer.name, at=at, subject=found.uid, facts=facts
        )
        answer_messages(found, by=viewer.name, at=at)
    return found


def step_listing(viewer: Viewer, uid: UUID | str, *, step: str, text: str, at: datetime) -> Listing:
    """Take a step of a listing; raises `Refused` in the words of the rules, `NotFound`."""
    if step not in _AFTER:
        raise Refused(f"listing: there is no step {step!r}. Possible: {', '.join(sorted(_AFTER))}")
    said = _require_text(text, "a reason") if step != "confirm" else text.strip()[:LONGEST_REASON]
    with transaction.atomic():
        row = Listing.objects.select_for_update().get(pk=find_listing(viewer, uid).pk)
        _warn(row, step)
        _step(row, step, viewer, text=said, at=at)
        _AFTER[step](row, viewer.name, at)
    return row


def withdraw(
    row: Listing,
    *,
    by: str,
    at: datetime,
    text: str,
    viewer: Viewer,
    cause: str,
    since: datetime | None = None,
) -> None:
    """Withdraw a listing within somebody's transaction: an appeal was upheld, a site is clean.

    `cause` is one of `rules.shield.CAUSES`, `since` when somebody first said so.
    """
    _step(row, "withdraw", viewer, text=text, at=at)
    _gone(row, by, at)
    count_withdrawn(row, cause=cause, since=since, by=by, at=at)


def end_by_itself(row: Listing, step: str, *, by: str, at: datetime) -> None:
    """`expire` or `lapse`, which the node sees by itself."""
    _step(row, step, None, text="", at=at, by=by)
    if step == "expire":
        _ended(row, by, at)
    else:
        _rejected(row, by, at)


# ── what a step does besides ─────────────────────────────────────────────────────────────


def _confirmed(row: Listing, by: str, at: datetime) -> None:
    """It goes out: the worker publishes it and tells the concerned within seconds."""
    keeping.freeze(row, by=by, at=at)
    count_listed(row, is_first=row.listed_at is None, by=by, at=at)
    if row.listed_at is None:
        announcing.owe_notice(row, at=at)
    row.listed_at = row.listed_at or as_utc(at)
    row.expires_at = expires_at(Scope(row.scope), listed_at=at)
    row.save(update_fields=["listed_at", "expires_at"])
    editions.begin_term(row, at=at)
    clocks.meet("confirm", row.uid, by=by, at=at)
    clocks.drop(row.uid, why="confirmed", by=by, at=at)
    planning.plan_rechecks(row, by=by, at=at)
    _settle_group(row, by=by, at=at)


def _rejected(row: Listing, by: str, at: datetime) -> None:
    row.ended_at = as_utc(at)
    row.save(update_fields=["ended_at"])
    clocks.drop(row.uid, why=row.state, by=by, at=at)
    _settle_group(row, by=by, at=at)


def _withdrawn(row: Listing, by: str, at: datetime) -> None:
    """A reviewer found by himself that it is wrong."""
    _gone(row, by, at)
    count_withdrawn(row, cause="mistake", since=None, by=by, at=at)


def _gone(row: Listing, by: str, at: datetime) -> None:
    clocks.start("withdraw", row.uid, started_at=at, by=by, at=at)
    announcing.owe_retraction(row, at=at)
    _ended(row, by, at)


def _ended(row: Listing, by: str, at: datetime) -> None:
    row.ended_at = as_utc(at)
    row.save(update_fields=["ended_at"])
    editions.end_term(row, at=at)
    planning.drop_rechecks(row, by=by, at=at)
    for appeal in row.appeals.filter(ended_at=None, state__in=("filed", "taken")):
        appeal.state, appeal.ended_at, appeal.changed_at = "settled", as_utc(at), as_utc(at)
        answer_appeal(appeal, at=at)
        appeal.save()
        clocks.drop(appeal.uid, why="settled", by=by, at=at)
    is_closed = row.group is not None and row.group.state == Group.State.LISTED
    if row.group is not None and is_closed and not _is_listed(row.group):
        _set_group(row.group, Group.State.REJECTED, at=at)


def _nothing(_row: Listing, _by: str, _at: datetime) -> None:
    pass


_AFTER: dict[str, Callable[[Listing, str, datetime], None]] = {
    "confirm": _confirmed,
    "decline": _nothing,
    "override": _nothing,
    "reject": _rejected,
    "renew": _nothing,
    "withdraw": _withdrawn,
}


# ── what they share ──────────────────────────────────────────────────────────────────────


def _warn(row: Listing, step: str) -> None:
    """Whoever answers for the warnings answers for those of this moment."""
    warned = require_warned(row, step)
    if warned != row.warnings:
        row.warnings = warned
        row.save(update_fields=["warnings"])


def _step(
    row: Listing, step: str, viewer: Viewer | None, *, text: str, at: datetime, by: str = ""
) -> None:
    """Take a step: the state, the act in the history, the row of the register."""
    actor: Actor = actor_of(viewer) if viewer else NODE
    state = take(LISTING, row.state, step, actor)
    if viewer and viewer.person:
        person = viewer.person.uid.hex
        require_another_person(LISTING, step, person=person, before=taken_in_term(row))
    if step == "override":
        row.overridden = sorted(row.warnings)
    row.state, row.changed_at = state, as_utc(at)
    row.save(update_fields=["state", "changed_at", "overridden"])
    name = viewer.name if viewer else by
    person_row = viewer.person if viewer else None
    Act.objects.create(
        listing=row, step=step, state=state, at=as_utc(at), by=name, person=person_row, text=text
    )
    facts: dict[str, register.Fact] = {"scope": row.scope, "state": state}
    register.record(
        action=f"shield:listing:{step}", actor=name, at=at, subject=row.uid, facts=facts
    )


def _require_new(viewer: Viewer, choice: Choice) -> None:
    """One listing of one thing; what somebody may not know of stands in nobody's way."""
    pending = ("proposed", "approved", *IN_FORCE)
    known = Q(tlp=PUBLIC.most.value) | Q(pk__in=visible_listings(viewer).values("pk"))
    same = Listing.objects.filter(
        known, scope=str(choice.scope), value=choice.value, state__in=pending
    )
    if (row := same.first()) is not None:
        raise Refused(
            f"listing: {choice.value[:100]} is {row.state} already ({row.reference}). "
            "Possible: look at that one"
        )


def _marking(text: str) -> Tlp:
    marking = read_tlp(text)
    if marking not in MARKINGS:
        raise Unusable(
            f"a listing marked {marking} would be on nobody's list. Possible: {', '.join(MARKINGS)}"
        )
    return marking


def _require_text(text: str, what: str) -> str:
    said = text.strip()
    if not said:
        raise Unusable(f"{what} is needed: whoever is blocked, and whoever judges it, reads it")
    if len(said) > LONGEST_REASON:
        raise Unusable(f"{what} has at most {LONGEST_REASON} letters")
    return said


def _locked_group(viewer: Viewer, uid: UUID) -> Group:
    row = Group.objects.select_for_update().filter(uid=uid).first()
    if row is None or not viewer.may("shield:message:read"):
        raise NotFound(f"there is no group {uid}")
    return row


def _set_group(group: Group, state: str, *, at: datetime) -> None:
    group.state, group.changed_at = state, as_utc(at)
    group.save(update_fields=["state", "changed_at"])


def _is_listed(group: Group) -> bool:
    return group.listings.filter(state__in=IN_FORCE).exists()


def _settle_group(row: Listing, *, by: str, at: datetime) -> None:
    """Answer what is listed now; the group stays open while anything of it is not covered."""
    group = row.group
    if group is None:
        return
    is_open = group.state in (Group.State.OPEN, Group.State.WAITING)
    if group.listings.filter(state__in=("proposed", "approved")).exists():
        state = Group.State.WAITING
    elif not _is_listed(group) or (is_open and uncovered(group)):
        state = Group.State.OPEN
    else:
        state = Group.State.LISTED
    is_new = state == Group.State.OPEN and group.state != state
    _set_group(group, state, at=at)
    if _is_listed(group):
        answer_messages(group, by=by, at=at)
    if is_new:
        clocks.start("approve", group.uid, started_at=at, by=by, at=at)
        retriage([group.pk] if group.messages < MOST_JUDGED else [], at=at)


def _address(text: str, landing: Landing) -> str | None:
    """Where it answers, as reported, or as the URL itself says; raises `Unusable`."""
    if landing.is_address:
        return landing.host
    if not text.strip():
        return None
    try:
        return str(ip_address(text.strip()))
    except ValueError:
        raise Unusable(f"{text[:50]!r} is no address. Possible: 192.0.2.7, or none") from None


def _party_of(viewer: Viewer) -> Party | None:
    held = viewer.parties_where(PROPOSE)
    mine = [party for party in viewer.parties if party.pk in held]
    return next(iter(sorted(mine, key=lambda one: not one.runs_node)), None)


def _brand(host: str) -> str:
    likes: tuple[Any, ...] = known().brands.alike(host, registrable_domain(host))
    return str(likes[0].brand)[:100] if likes else ""
