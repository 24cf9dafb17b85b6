"""What the desk does with a case: assign, comment, tag, uphold, redirect, merge, split, close."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.response.actions import clocks
from tocsin.desks.response.actions.answering import Done, each
from tocsin.desks.response.actions.moving import Post, subject_of
from tocsin.desks.response.actions.steps import acting_party, locked, require_text, take_step
from tocsin.desks.response.models import Case, Entry, Tag
from tocsin.desks.response.queries.cases import ANSWER, HANDLE, actor_of, is_desk
from tocsin.office import notices, register, sentences
from tocsin.office.people.models import Person
from tocsin.office.people.viewer import Viewer, running
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc

LONGEST_TAG, MOST_TAGS = 40, 20


def comment(
    viewer: Viewer,
    uid: UUID | str,
    *,
    text: str,
    for_desk: bool = False,
    at: datetime,
    post: Post | None = None,
) -> Entry:
    """Write into the thread: of the desk for the party or for itself, of the party for the desk.

    With `post`, what the desk writes for the party also goes to it as a notice; what is answered
    to that comes back into the thread. Raises `NotFound`, `Refused` for who may neither handle nor
    answer, `Unusable` for no text.
    """
    said = require_text(text, may_be_empty=False)
    with transaction.atomic():
        case = locked(viewer, uid)
        handles = viewer.may(HANDLE, case.party)
        permission = HANDLE if handles else ANSWER
        viewer.require(permission, case.party)
        if for_desk and not is_desk(viewer):
            raise Refused("only the desk writes for the desk. Possible: write for both")
        audience = Entry.Audience.DESK if for_desk else Entry.Audience.PARTY
        entry = _write(
            case, Entry.Kind.COMMENT, viewer, permission, text=said, audience=audience, at=at
        )
        if post is not None and handles and not for_desk:
            _send(case, entry, post, at)
        _touch(case, at)
        _record("comment", case, viewer, at, audience=str(entry.audience))
    return entry


def _send(case: Case, entry: Entry, post: Post, at: datetime) -> None:
    entry.direction = Entry.Direction.OUT
    with sentences.speaking(case.party.language):
        subject = subject_of(case)
    entry.delivery = notices.queue_notice(
        party=case.party,
        about=f"comment:{entry.uid.hex}",
        subject=subject,
        text=entry.text,
        facts={"case": case.uid.hex},
        at=at,
        store_folder=post.store_folder,
        node=post.node,
    )
    entry.save(update_fields=["direction", "delivery"])


def assign(viewer: Viewer, uid: UUID | str, *, person: UUID | str | None, at: datetime) -> Case:
    """Give a case to somebody of the desk, or to nobody; raises `Unusable` for anyone else."""
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        chosen = _handler(person, at) if person else None
        if case.assigned_id == (chosen.pk if chosen else None):
            return case
        case.assigned, case.changed_at = chosen, as_utc(at)
        case.save(update_fields=["assigned", "changed_at"])
        text = f"assigned to {chosen.name}" if chosen else "assigned to nobody"
        _write(case, Entry.Kind.CHANGE, viewer, HANDLE, text=text, at=at)
        _record("assign", case, viewer, at, to=chosen.uid.hex if chosen else None)
    return case


def assign_all(
    viewer: Viewer, uids: Iterable[UUID | str], *, person: UUID | str | None, at: datetime
) -> list[Done]:
    """The same for many, each by itself."""
    return each(uids, lambda uid: assign(viewer, uid, person=person, at=at))


def close(viewer: Viewer, uid: UUID | str, *, note: str = "", at: datetime) -> Case:
    """Close a case; raises `NotFound`, `Refused`."""
    return _step(viewer, uid, "close", note=note, at=at)


def close_all(
    viewer: Viewer, uids: Iterable[UUID | str], *, note: str = "", at: datetime
) -> list[Done]:
    """The same for many, each by itself."""
    return each(uids, lambda uid: close(viewer, uid, note=note, at=at))


def uphold(viewer: Viewer, uid: UUID | str, *, note: str, at: datetime) -> Case:
    """Stand by a report that the party said is not theirs or wrong; it is told again why."""
    require_text(note, may_be_empty=False)
    return _step(viewer, uid, "uphold", note=note, at=at)


def tag(viewer: Viewer, uid: UUID | str, *, name: str, at: datetime) -> Case:
    """Put a word on a case; again: changes nothing."""
    word = _tag_name(name)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        if case.tags.count() >= MOST_TAGS:
            raise Unusable(f"a case has at most {MOST_TAGS} tags. Possible: take one off first")
        if Tag.objects.get_or_create(case=case, name=word)[1]:
            _write(case, Entry.Kind.CHANGE, viewer, HANDLE, text=f"tagged {word}", at=at)
            _record("tag", case, viewer, at, name=word)
    return case


def tag_all(viewer: Viewer, uids: Iterable[UUID | str], *, name: str, at: datetime) -> list[Done]:
    """The same for many, each by itself."""
    return each(uids, lambda uid: tag(viewer, uid, name=name, at=at))


def untag(viewer: Viewer, uid: UUID | str, *, name: str, at: datetime) -> Case:
    """Take a word off; where it is not on, nothing changes."""
    word = _tag_name(name)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        if case.tags.filter(name=word).delete()[0]:
            _write(case, Entry.Kind.CHANGE, viewer, HANDLE, text=f"no longer {word}", at=at)
            _record("untag", case, viewer, at, name=word)
    return case


# ── what they share ──────────────────────────────────────────────────────────────────────


def _step(viewer: Viewer, uid: UUID | str, step: str, *, note: str, at: datetime) -> Case:
    text = require_text(note)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        take_step(
            case,
            step,
            actor_of(viewer, HANDLE, case.party),
            by=viewer.name,
            at=at,
            person=viewer.person,
            party=acting_party(viewer, HANDLE, case),
            text=text,
        )
        clocks.answered(case, by=viewer.name, at=at)
    return case


def _handler(person: UUID | str, at: datetime) -> Person:
    """Somebody of the party that runs the node who may handle cases."""
    try:
        uid = person if isinstance(person, UUID) else UUID(person)
    except ValueError:
        raise Unusable(f"{person!r} is nobody") from None
    mandates = running(at).filter(party__runs_node=True, person__uid=uid)
    for mandate in mandates:
        if "response.handle" in mandate.competences:
            return mandate.person
    raise Unusable("nobody of the desk has this id. Possible: somebody who handles cases")


def _tag_name(name: str) -> str:
    word = " ".join(name.split()).lower()
    if not word or len(word) > LONGEST_TAG or not word.isprintable():
        raise Unusable(f"a tag is one word or a few, at most {LONGEST_TAG} letters")
    return word


def _write(
    case: Case,
    kind: Entry.Kind,
    viewer: Viewer,
    permission: str,
    *,
    text: str,
    at: datetime,
    audience: Entry.Audience = Entry.Audience.DESK,
) -> Entry:
    return Entry.objects.create(
        case=case,
        kind=kind,
        audience=audience,
        at=as_utc(at),
        by=viewer.name,
        person=viewer.person,
        party=acting_party(viewer, permission, case),
        text=text,
    )


def _touch(case: Case, at: datetime) -> None:
    case.changed_at = as_utc(at)
    case.save(update_fields=["changed_at"])


def _record(verb: str, case: Case, viewer: Viewer, at: datetime, **facts: register.Fact) -> None:
    register.record(
        action=f"response:case:{verb}",
        actor=viewer.name,
        at=at,
        subject=case.uid,
        facts={"party": case.party.slug, **facts},
    )
