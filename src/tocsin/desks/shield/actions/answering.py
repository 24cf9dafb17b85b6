"""What reporters and appellants are told, once; then their address is gone."""

from datetime import datetime

from django.db.models import QuerySet

from tocsin.desks.shield.actions import clocks
from tocsin.desks.shield.models import Appeal, Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.covering import covering, covers, listings_of
from tocsin.desks.shield.queries.warning import spoken_in
from tocsin.office import evidence
from tocsin.office.people import letters
from tocsin.office.people.sealing import unseal
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Refused
from tocsin.words.moments import as_utc

ADDRESS = "shield address"
_OPEN = (Group.State.OPEN, Group.State.WAITING)


def answer_messages(group: Group, *, by: str, at: datetime, only: Message | None = None) -> int:
    """Settle the messages of a group of which nothing is undecided any more; how many.

    Of a group that is open still these are the messages whose addresses are all listed. What was
    written, the file and the address are erased with the answer. `only`: ask of this one alone.
    """
    rows: QuerySet[Message] = Message.objects.filter(
        sightings__group=group, state=Message.State.RECEIVED
    )
    rows = rows.filter(pk=only.pk) if only is not None else rows
    open_, listed = _standing(rows, at_once=only is not None)
    settled = list(rows.exclude(pk__in=open_).distinct().select_related("evidence"))
    for message in settled:
        state = Message.State.LISTED if message.pk in listed else Message.State.REJECTED
        _settle(message, state, by=by, at=at)
    return len(settled)


def _standing(rows: QuerySet[Message], *, at_once: bool) -> tuple[set[int], set[int]]:
    """Messages with an address that is neither listed nor decided; with one that all see listed.

    `at_once`, when a message comes in, only what all see listed counts: see `receiving._reopen`.
    """
    listings: dict[int, list[Listing]] = {}
    open_, listed = set(), set()
    sightings = Sighting.objects.filter(message__in=rows.values("pk")).select_related("group")
    for one in sightings:
        known = listings.get(one.group_id)
        if known is None:
            known = listings[one.group_id] = covering(one.group)
        found = [row for row in known if covers(row, url=one.url, host=one.host)]
        is_public = any(row.tlp == PUBLIC.most.value for row in found)
        if not (is_public if at_once else found) and one.group.state in _OPEN:
            open_.add(one.message_id)
        if is_public:  # what few see is no answer
            listed.add(one.message_id)
    return open_, listed


def _settle(message: Message, state: str, *, by: str, at: datetime) -> None:
    message.state, message.answered_at = state, as_utc(at)
    if address := bytes(message.sealed_address):
        said = outcome_text(state, language=message.language)
        letter = _letter(message.language, "report", message.reference, said)
        letters.queue(unseal(address, purpose=ADDRESS).decode(), **letter, at=at)
    digest = message.evidence.digest if message.evidence else ""
    message.sealed, message.sealed_address, message.sealed_letters = b"", b"", b""
    message.reporter, message.evidence = "", None
    message.save()
    message.sightings.update(subject="")
    clocks.meet("answer-reporter", message.uid, by=by, at=at)
    if digest:
        _forget(digest, by=by, at=at)


def _forget(digest: str, *, by: str, at: datetime) -> None:
    """The file goes, where no other message still waits with the same bytes, and no hold is on."""
    from django.conf import settings  # noqa: PLC0415

    if Message.objects.filter(evidence__digest=digest).exists():
        return
    try:
        evidence.forget(digest, at=at, why="decided", by=by, store_folder=settings.STORE)
    except Refused:
        return  # a legal hold keeps it


def outcome_text(state: str, *, language: str) -> str:
    """What became of a report; of a message: `outcome_of`."""
    return spoken_in(language).texts[f"report_{state}"]


def outcome_of(message: Message) -> str:
    """How it stands now: a warning may have been withdrawn or have ended since."""
    if message.state != Message.State.LISTED:
        return str(message.state)
    rows = listings_of(message)
    if any(row.state in IN_FORCE for row in rows):
        return "listed"
    return "withdrawn" if any(row.state == "withdrawn" for row in rows[:1]) else "expired"


def answer_appeal(appeal: Appeal, *, at: datetime) -> None:
    """Tell the appellant what was decided, and forget them."""
    if address := bytes(appeal.sealed_address):
        said = appeal_text(appeal.state, language=appeal.language)
        letter = _letter(appeal.language, "appeal", appeal.reference, said, appeal.outcome)
        letters.queue(unseal(address, purpose=ADDRESS).decode(), **letter, at=at)
    appeal.sealed, appeal.sealed_about, appeal.sealed_address = b"", b"", b""


def appeal_text(state: str, *, language: str) -> str:
    """Where an appeal stands."""
    return spoken_in(language).texts[f"appeal_{state}"]


def _letter(language: str, kind: str, reference: str, *said: str) -> dict[str, str]:
    """Subject and text of a mail, which says as the pages do who translated it."""
    words = spoken_in(language)
    parts = [part for part in (*said, words.note) if part]
    return {
        "subject": f"{words.texts[f'your_{kind}']} {reference}",
        "text": "\n\n".join(parts) + "\n",
    }
