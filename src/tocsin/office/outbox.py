"""The outbox: deliveries as rows with a lease, handed over by whoever holds it.

A delivery is written with the change that causes it. A worker claims it for a while (the
lease), hands it to the channel, and writes down what came of it, if the lease is still its
own. A worker that dies loses the lease, and the delivery goes out again; channels make the
same delivery twice count once. A channel that gathers (mail) gets all that is due for one party
and interval as one parcel, whose deliveries succeed, fail and are parked together.
"""

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from tocsin.channels.channel import Channel, Handed, Parcel, Piece
from tocsin.office import digests, leases, mailbox, register, turns
from tocsin.office.models import Delivery, Party, Receipt, Run
from tocsin.words.errors import NotFound, Refused, Undelivered
from tocsin.words.moments import as_utc

MOST_ATTEMPTS = 12
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
LEASE = leases.LEASE

_READY = Delivery.State.READY
_PARKED = Delivery.State.PARKED
_DELIVERED = Delivery.State.DELIVERED

Settings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt. `state` ready means: again at `next_attempt_at`."""

    delivery: str
    party: str
    state: str
    attempt: int
    delivered_to: str = ""
    error: str = ""
    next_attempt_at: datetime | None = None


# ── queue ────────────────────────────────────────────────────────────────────────────────


def queue(
    *, run: Run | None, party: Party, idempotency_key: str, at: datetime, **words: Any
) -> Delivery:
    """Put a delivery into the outbox, due at once; call it with the change that causes it.

    `words` are the other fields of `Delivery`; channel and format are the party's unless
    they are given. The same `idempotency_key` again changes nothing and returns what is there.
    """
    delivery, _ = Delivery.objects.get_or_create(
        idempotency_key=idempotency_key,
        defaults={
            "run": run,
            "party": party,
            "channel": party.channel,
            "format": party.format,
            "next_attempt_at": as_utc(at),
            "created_at": as_utc(at),
            **words,
        },
    )
    return delivery


def waiting(at: datetime, *, over: Collection[str] | None = None) -> QuerySet[Delivery]:
    """What is due at this moment and held by nobody, the longest due first.

    `over` names the channels to look at; without it, all. A delivery for a party that wants one
    message a day is due when the day is over.
    """
    unheld = Q(lease_until=None) | Q(lease_until__lte=as_utc(at))
    due = Delivery.objects.filter(
        unheld, digests.is_due(at), state=_READY, next_attempt_at__lte=as_utc(at)
    )
    named = due if over is None else due.filter(channel__in=over)
    return named.order_by("next_attempt_at", "pk")


def unsent() -> QuerySet[Delivery]:
    """What is not handed over yet, due or not, with its party."""
    return Delivery.objects.filter(state=_READY).select_related("party")


def parked() -> QuerySet[Delivery]:
    """What was given up, with the reason in `last_error`, for a person to look at."""
    return Delivery.objects.filter(state=_PARKED).select_related("party")


def claim(
    *,
    owner: str,
    at: datetime,
    lease: timedelta = LEASE,
    limit: int = 20,
    over: Collection[str] | None = None,
    rooms: Mapping[str, int] | None = None,
    in_turn: Collection[str] = (),
) -> list[Delivery]:
    """Take up to `limit` due deliveries for as long as `lease`; nobody else gets them.

    `rooms` names the channels that gather, with the bytes one of their parcels may hold: of
    those up to `limit` messages are taken, each with all that travels in it. `in_turn` names the
    channels where parties take turns (`office.turns`).

    Of two claimers PostgreSQL lets the second pass over the rows of the first (SKIP LOCKED);
    SQLite makes it wait for the short transaction (BEGIN IMMEDIATE), then shows it the rest.
    """
    at = as_utc(at)
    with transaction.atomic():
        single = waiting(at, over=over).exclude(channel__in=rooms or ())
        if in_turn:
            single = single.exclude(channel__in=in_turn, party_id__in=turns.busy(at, in_turn))
        due = list(single.select_for_update(skip_locked=True, of=("self",))[:limit])
        due += _gathered(waiting(at, over=over), rooms or {}, limit=limit)
        due = _without_exhausted(_with_parties(due), at=at)
        Delivery.objects.filter(pk__in=[delivery.pk for delivery in due]).update(
            attempt=F("attempt") + 1, lease_owner=owner, lease_until=at + lease
        )
        for delivery in due:
            delivery.attempt += 1
            delivery.lease_owner, delivery.lease_until = owner, at + lease
    return due


def _gathered(due: QuerySet[Delivery], rooms: Mapping[str, int], *, limit: int) -> list[Delivery]:
    """What is due over channels that gather, sorted into messages; up to `limit` of these.

    All that is due for a party is sorted at once, so that no more messages are made than need be.
    Whoever holds the party's row takes its messages: two claimers never share out one of them.
    """
    if not rooms:
        return []
    over = due.filter(channel__in=rooms)
    wanted = list(dict.fromkeys(over.values_list("party_id", flat=True)))[:limit]
    free = Party.objects.filter(pk__in=wanted)
    held = list(free.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    found = over.filter(party_id__in=held).select_for_update(of=("self",)).order_by("pk")
    taken = _with_parties(list(found.select_related("run")))
    digests.stack(taken, rooms)
    first = {one.parcel: one.pk for one in reversed(taken)}
    taken.sort(key=lambda one: (one.next_attempt_at, first[one.parcel], one.pk))
    messages = list(dict.fromkeys(one.parcel for one in taken))[:limit]
    return [one for one in taken if one.parcel in messages]


def free(*, owner: str) -> int:
    """Give back what `owner` holds, when it is known to be dead; how many deliveries.

    Only for an owner of whom there is never more than one (the caller holds a lock that proves
    it); everyone else's leases run out by themselves.
    """
    held = Delivery.objects.filter(state=_READY, lease_owner=owner, lease_until__isnull=False)
    return held.update(lease_until=None)


def resume(uid: UUID, *, by: str, at: datetime) -> Delivery:
    """Send a parked delivery again from the first attempt; raises `NotFound`, `Refused`.

    What was to travel in the same message comes along.
    """
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().filter(uid=uid).first()
        if delivery is None:
            raise NotFound(f"there is no delivery {uid}")
        if delivery.state != _PARKED:
            raise Refused(
                f"delivery {uid} is {delivery.state}, not parked. Possible: resume a parked one"
            )
        for one in _travelling_with(delivery):
            one.state, one.attempt, one.next_attempt_at = _READY, 0, as_utc(at)
            one.save(update_fields=["state", "attempt", "next_attempt_at"])
            _record("resume", one, actor=by, at=at)
        delivery.refresh_from_db()
    return delivery


def _travelling_with(delivery: Delivery) -> Iterable[Delivery]:
    """The parked deliveries of the same message, this one among them."""
    if not delivery.parcel:
        return [delivery]
    same = Delivery.objects.filter(parcel=delivery.parcel, state=_PARKED)
    return same.select_for_update().order_by("pk")


# ── hand over ────────────────────────────────────────────────────────────────────────────


def deliver_due(
    *,
    owner: str,
    at: datetime,
    channels: Mapping[str, Channel],
    store_folder: Path,
    settings: Settings,
    lease: timedelta = LEASE,
    limit: int = 20,
    over: Collection[str] | None = None,
    by: str = "",
) -> list[Outcome]:
    """Claim what is due and hand it over, one after the other; what came of each.

    `settings` holds this node's own settings per channel (`{"folder": {"root": …}}`), `over`
    names the channels to work; without it, all. The lease runs from `at`, so a worker calls
    again with a fresh `at` until the list is empty: what a slow receiver left no time for is
    given back. `by` stands in the register, the owner of the lease without it.
    """
    at, started = as_utc(at), time.monotonic()
    rooms = {
        name: one.gathers(settings.get(name, {})) for name, one in channels.items() if one.gathers
    }
    in_turn = [name for name, one in channels.items() if one.in_turn]
    claimed = claim(
        owner=owner, at=at, lease=lease, limit=limit, over=over, rooms=rooms, in_turn=in_turn
    )
    outcomes: list[Outcome] = []
    together: list[tuple[Delivery, Handed | Undelivered]] = []
    for group in _groups(claimed):
        # Signatures and Date headers carry the moment of the attempt, not that of the batch.
        passed = timedelta(seconds=time.monotonic() - started)
        if passed > lease / 2:
            _put_back(group)
            continue
        result = _attempt(
            group, channels, store_folder=store_folder, settings=settings, at=at + passed
        )
        if _may_wait(channels, group[0].channel):
            together += [(delivery, result) for delivery in group]
            continue
        spent = timedelta(seconds=time.monotonic() - started)
        outcomes += _written(group, result, by=by, at=at, left=lease - spent)
        if group[0].channel in in_turn:
            is_handed = isinstance(result, Handed)
            turns.step_back(group[0], took=spent - passed, is_handed=is_handed, at=at + spent)
    left = lease - timedelta(seconds=time.monotonic() - started)
    return outcomes + leases.patiently(lambda: _write_down(together, by=by, at=at), left=left)


def _groups(claimed: list[Delivery]) -> list[list[Delivery]]:
    """What goes out in one go: a message's deliveries together, every other one alone."""
    groups: dict[str, list[Delivery]] = {}
    for delivery in claimed:
        groups.setdefault(delivery.parcel or str(delivery.uid), []).append(delivery)
    return list(groups.values())


def _put_back(group: list[Delivery]) -> None:
    """Give up a lease that was not used, as if it had never been taken."""
    for delivery in group:
        Delivery.objects.filter(
            pk=delivery.pk, lease_owner=delivery.lease_owner, attempt=delivery.attempt
        ).update(lease_until=None, attempt=F("attempt") - 1)


def _may_wait(channels: Mapping[str, Channel], name: str) -> bool:
    """Whether results may be written together: a repeat changes nothing, and nobody is slow."""
    return name in channels and channels[name].repeatable and not channels[name].in_turn


def parcel_of(
    group: Sequence[Delivery], *, store_folder: Path, settings: Settings, at: datetime
) -> Parcel:
    """What the channel gets: of each delivery the file, then the manifest.

    What travels in one message has a letter and the mailboxes of the party; raises
    `Undelivered` where it has none that lives.
    """
    first, party = group[0], group[0].party
    files = [
        file
        for one in group
        for file in ((one.path, one.digest), (one.manifest_path, one.manifest_digest))
    ]
    letter = digests.letter_of(group, store_folder=store_folder) if first.parcel else None
    return Parcel(
        delivery=str(first.uid),
        party=party.slug,
        pieces=tuple(Piece(Path(path).name, store_folder / path, dig) for path, dig in files),
        address=digests.mailboxes_of(party) if first.parcel else party.channel_address,
        settings=settings.get(first.channel, {}),
        at=as_utc(at),
        letter=letter,
    )


def wait_before(uid: str, attempt: int) -> timedelta:
    """How long to wait after a failed attempt: doubling from one minute to six hours.

    Between half and all of the span, by a digest of delivery and attempt: a thousand
    deliveries that failed together do not come back together, and a replay says the same.
    """
    whole = min(LONGEST_WAIT, FIRST_WAIT * (1 << attempt))
    digest = hashlib.sha256(f"{uid}:{attempt}".encode()).digest()
    return whole / 2 + whole / 2 * (int.from_bytes(digest[:4], "big") / 2**32)


def _attempt(
    group: Sequence[Delivery],
    channels: Mapping[str, Channel],
    *,
    store_folder: Path,
    settings: Settings,
    at: datetime,
) -> Handed | Undelivered:
    """Hand over outside any transaction."""
    try:
        parcel = parcel_of(group, store_folder=store_folder, settings=settings, at=at)
        return _send(channels, group[0].channel, parcel)
    except Undelivered as fault:
        return fault


def _written(
    group: Sequence[Delivery],
    result: Handed | Undelivered,
    *,
    by: str,
    at: datetime,
    left: timedelta,
) -> list[Outcome]:
    """What came of a group, also where the database is away while the lease still runs.

    What was handed over and is not written down goes out a second time.
    """

    def write() -> list[Outcome]:
        with transaction.atomic():
            said = mailbox.bury_refused(group, result, at=at)
            return _write_down([(delivery, said) for delivery in group], by=by, at=at)

    return leases.patiently(write, left=left)


def _write_down(
    results: list[tuple[Delivery, Handed | Undelivered]], *, by: str, at: datetime
) -> list[Outcome]:
    """What came of each, in one transaction with its register rows."""
    with transaction.atomic():
        return [
            _failed(delivery, result, by=by, at=at)
            if isinstance(result, Undelivered)
            else _handed(delivery, result, by=by, at=at)
            for delivery, result in results
        ]


def _send(channels: Mapping[str, Channel], name: str, parcel: Parcel) -> Handed:
    if name not in channels:
        raise Undelivered(
            f"there is no channel {name!r}. Possible: {', '.join(sorted(channels))}", lasting=True
        )
    try:
        return channels[name].send(parcel)
    except Undelivered:
        raise
    except Exception as fault:
        # A slip in one channel must not keep all others from their deliveries.
        raise Undelivered(
            f"channel {name} failed: {type(fault).__name__}: {fault}", lasting=False
        ) from fault


def _handed(delivery: Delivery, handed: Handed, *, by: str, at: datetime) -> Outcome:
    changes = {
        "state": _DELIVERED,
        "delivered_at": at,
        "delivered_to": handed.where[:1000],
        "last_error": "",
    }
    if not _settle(delivery, changes):
        return _outcome(delivery)
    if handed.confirmed:
        note_receipt(
            delivery,
            kind=Receipt.Kind.RECEIVED,
            by=delivery.party.slug,
            at=at,
            detail=handed.detail,
        )
    actor = by or delivery.lease_owner
    _record("hand_over", delivery, actor=actor, at=at, where=handed.where)
    return _outcome(delivery)


def _failed(delivery: Delivery, fault: Undelivered, *, by: str, at: datetime) -> Outcome:
    if fault.lasting or delivery.attempt >= MOST_ATTEMPTS:
        if _settle(delivery, {"state": _PARKED, "last_error": str(fault)}):
            _record("park", delivery, actor=by or delivery.lease_owner, at=at, why=str(fault))
        return _outcome(delivery)
    asked = min(fault.after or timedelta(0), LONGEST_WAIT)
    again = at + max(asked, wait_before(delivery.parcel or str(delivery.uid), delivery.attempt))
    _settle(delivery, {"last_error": str(fault), "next_attempt_at": again})
    return _outcome(delivery)


def note_receipt(
    delivery: Delivery, *, kind: str, by: str, at: datetime, detail: Mapping[str, Any]
) -> Receipt:
    """Write down what came back for a delivery; the same again changes nothing."""
    receipt, _ = Receipt.objects.get_or_create(
        delivery=delivery,
        kind=Receipt.Kind(kind),
        by=by,
        detail=dict(detail),
        defaults={"at": as_utc(at)},
    )
    return receipt


def _settle(delivery: Delivery, changes: Mapping[str, Any]) -> bool:
    """Write what came of an attempt and give the lease back, if it is still ours.

    False where it ran out and somebody else took over: then theirs counts.
    """
    ours = Delivery.objects.filter(
        pk=delivery.pk,
        state=_READY,
        lease_owner=delivery.lease_owner,
        attempt=delivery.attempt,
    )
    if not ours.update(lease_until=None, **changes):
        delivery.refresh_from_db()
        return False
    for name, value in {"lease_until": None, **changes}.items():
        setattr(delivery, name, value)
    return True


def _without_exhausted(due: list[Delivery], *, at: datetime) -> list[Delivery]:
    """A delivery whose workers died every time is not tried for ever, but parked."""
    exhausted = [delivery for delivery in due if delivery.attempt >= MOST_ATTEMPTS]
    for delivery in exhausted:
        why = delivery.last_error or f"its worker did not come back {delivery.attempt} times"
        delivery.state, delivery.last_error, delivery.lease_until = _PARKED, why, None
        delivery.save(update_fields=["state", "last_error", "lease_until"])
        _record("park", delivery, actor=delivery.lease_owner, at=at, why=why)
    return [delivery for delivery in due if delivery.attempt < MOST_ATTEMPTS]


def _with_parties(due: list[Delivery]) -> list[Delivery]:
    """The claimed rows with their party, which no lock is wanted on."""
    parties = Party.objects.in_bulk([delivery.party_id for delivery in due])
    for delivery in due:
        delivery.party = parties[delivery.party_id]
    return due


def _record(
    verb: str, delivery: Delivery, *, actor: str, at: datetime, **facts: register.Fact
) -> None:
    register.record(
        action=f"office:delivery:{verb}",
        actor=actor,
        at=at,
        subject=delivery.uid,
        facts={
            "party": delivery.party.slug,
            "relation": delivery.relation,
            "rows": delivery.rows,
            "digest": delivery.digest,
            "attempt": delivery.attempt,
            **facts,
        },
    )


def _outcome(delivery: Delivery) -> Outcome:
    is_waiting = delivery.state == _READY
    return Outcome(
        delivery=str(delivery.uid),
        party=delivery.party.slug,
        state=delivery.state,
        attempt=delivery.attempt,
        delivered_to=delivery.delivered_to,
        error=delivery.last_error,
        next_attempt_at=delivery.next_attempt_at if is_waiting else None,
    )
