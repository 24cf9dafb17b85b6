"""Writing people: on file, with a password, closed."""

from datetime import datetime
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from tocsin.office import register
from tocsin.office.people import notices
from tocsin.office.people.actions.mandates import end_mandate
from tocsin.office.people.models import Person, canonical
from tocsin.words.errors import NotFound, Unusable


def find_person(email: str) -> Person:
    """A person by sign-in name; raises `NotFound`."""
    person = Person.objects.filter(email=canonical(email)).first()
    if person is None:
        raise NotFound(f"nobody signs in as {email}. Possible: tocsin people list")
    return person


def read_address(email: str) -> str:
    """A sign-in name in its one spelling; raises `Unusable`."""
    address = canonical(email)
    try:
        validate_email(address)
    except ValidationError:
        raise Unusable(f"{email[:80]!r} is no mail address. Possible: ada@cert.example") from None
    return address


def read_name(name: str) -> str:
    """A person's name; raises `Unusable`."""
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise Unusable("a person has a name of one line, at most 200 characters")
    return name.strip()


def add_person(*, email: str, name: str, language: str, by: str, at: datetime) -> Person:
    """Put somebody on file, without a password; the same again changes nothing."""
    address, called = read_address(email), read_name(name)
    with transaction.atomic():
        known = Person.objects.filter(email=address).first()
        if known is not None:
            return known
        person = Person.objects.create_user(address, name=called, language=language)
        record("office:person:add", person.uid, by=by, at=at)
    return person


def choose_language(person: Person, language: str) -> None:
    """The language of the pages and of mails to them. No register row: it is nobody's matter."""
    if person.language != language:
        person.language = language
        person.save(update_fields=["language"])


def change_person(person: Person, *, name: str, language: str, by: str, at: datetime) -> bool:
    """Another name, another language; whether anything changed. Raises `Unusable`.

    The register says what was changed and neither the name before nor the one now.
    """
    wanted = {"name": read_name(name), "language": language}
    changed = [key for key, value in wanted.items() if getattr(person, key) != value]
    if not changed:
        return False
    with transaction.atomic():
        for key in changed:
            setattr(person, key, wanted[key])
        person.save(update_fields=changed)
        register.record(
            action="office:person:change",
            actor=by,
            at=at,
            subject=person.uid,
            facts={"changed": [*changed]},
        )
    return True


def set_password(person: Person, password: str, *, by: str, at: datetime) -> None:
    """Give somebody a password; ends every session that was opened with the one before."""
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        record("office:person:set_password", person.uid, by=by, at=at)
        if by != person.actor:
            notices.tell(person, notices.PASSWORD_SET, at=at)


def end_sessions(person: Person, *, by: str, at: datetime) -> None:
    """Sign somebody out everywhere, now."""
    with transaction.atomic():
        person.session_mark = uuid4()
        person.save(update_fields=["session_mark"])
        record("office:person:end_sessions", person.uid, by=by, at=at)


def note_factor_taken(person: Person, *, by: str, at: datetime) -> None:
    """What goes with taking the second factors off: sessions end, the person is told."""
    with transaction.atomic():
        end_sessions(person, by=by, at=at)
        record("office:person:take_factor", person.uid, by=by, at=at)
        notices.tell(person, notices.FACTOR_TAKEN, at=at)


def close_person(person: Person, *, by: str, at: datetime) -> None:
    """Let nobody sign in as this person any more; mandates, tokens and sessions end with it."""
    with transaction.atomic():
        person.is_active = False
        person.session_mark = uuid4()
        person.save(update_fields=["is_active", "session_mark"])
        for mandate in person.mandates.filter(ended_at=None).select_related("party"):
            end_mandate(mandate, by=by, at=at, told=False)
        record("office:person:close", person.uid, by=by, at=at)
        notices.tell(person, notices.ACCOUNT_CLOSED, at=at)


def record(action: str, subject: UUID, *, by: str, at: datetime) -> None:
    """A register row that states nothing but who did it to whom."""
    register.record(action=action, actor=by, at=at, subject=subject, facts={})
