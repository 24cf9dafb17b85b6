"""Who a subscriber is leaves the provider by no route, whoever asks for whatever."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.test import Client

from tests.security.asking import (
    Answer,
    Way,
    answer,
    reading_calls,
    reading_pages,
    writing_calls,
    writing_pages,
)
from tests.security.town import MINE, NOON, Town
from tocsin.desks.subscribers.actions.codes import kept_of
from tocsin.desks.subscribers.models import Contact, Finding, LookUp, Source, Warned
from tocsin.office.models import Run

WREN = "wren"
LINE = 0x57E2_0000_BEEF_0001
CODE = "7F3K-9QWZ-2M4H"
# How each of these could stand in an answer, in lower case.
SECRETS = (WREN, str(LINE), f"{LINE:x}", CODE.lower(), "quillfever")
LOOKING = ("nobody", "stranger", "oversight", "answers", "administers", "desk")
# Asked for with the beginning of a word, so that what repeats the question is no find.
_ASKED, _NUMBER = WREN[:3], str(LINE)[:-1]
QUERIES = ("", f"?text={_ASKED}&q={_ASKED}&name={_ASKED}", f"?line={_NUMBER}&tag={_ASKED}")


def subscribe(store: Path) -> None:
    """A subscriber with everything that the provider's desk keeps of one."""
    Contact.objects.create(
        line=LINE, name=f"{WREN} of {WREN} street", email=f"{WREN}@home.example",
        phone="555-wren", language="en", segment=WREN, changed_at=NOON,
    )  # fmt: skip
    Source.objects.create(number=1, name=f"{WREN}-dhcp", reaches_to=NOON)
    finding = Finding.objects.create(
        line=LINE, kind="infected-system", family="quillfever", device=f"{WREN} camera",
        events=3, first_at=NOON - timedelta(days=1), last_at=NOON, state="warned",
        warned_at=NOON, changed_at=NOON,
    )  # fmt: skip
    Warned.objects.create(
        finding=finding, code=kept_of(CODE, store), step=1, playbook="infected", version=1,
        way="mail", language="en", at=NOON,
    )  # fmt: skip
    run = Run.objects.filter(kind="route").first()
    assert run is not None
    finding.look_ups.add(LookUp.objects.create(run=run, at=NOON, events=3, exact=3))


def reading(town: Town) -> Iterator[tuple[str, Answer]]:
    """Every page and every call, for everybody and with several questions."""
    for query in QUERIES:
        for way in reading_pages():
            if way.route.reads and way.route.name != "public_log":
                for name in LOOKING:
                    got = answer(way.ask(town.browsers[name], town.mine.objects, query=query))
                    yield f"{name}: {way}{query}", got
        for way in reading_calls():
            got = answer(way.ask(town.tokens[MINE], town.mine.objects, query=query))
            yield f"program: {way}{query}", got


def writing(town: Town) -> Iterator[tuple[str, Answer]]:
    """Every form and every call that changes something, sent by a provider's own."""
    for way in [*writing_pages(), *writing_calls()]:
        who: Client | str = town.browsers["answers"] if _is_page(way) else town.tokens[MINE]
        yield str(way), answer(way.ask(who, town.mine.objects))


def _is_page(way: Way) -> bool:
    return not way.is_call


def told(answers: Iterator[tuple[str, Answer]]) -> tuple[int, list[str]]:
    """How many answers there were, and in which something of the subscriber stands."""
    count, leaks = 0, []
    for name, got in answers:
        count += 1
        said = f"{got.headers} {got.body.decode('utf-8', 'replace')}".lower()
        leaks += [f"{name}: {word}" for word in SECRETS if word in said]
    return count, leaks


def test_no_page_and_no_call_tells_anything_of_a_subscriber(town: Town) -> None:
    subscribe(town.store)

    count, leaks = told(reading(town))

    assert leaks == []
    assert count > 1000


def test_no_form_and_no_call_that_writes_tells_anything_of_a_subscriber(town: Town) -> None:
    subscribe(town.store)

    count, leaks = told(writing(town))

    assert leaks == []
    assert count > 40


def test_a_leak_is_found_where_there_is_one() -> None:
    leak = Answer(200, (("Location", "/x"),), f"Line {LINE:x} is Wren's".encode())

    assert told(iter([("page", leak)])) == (1, [f"page: {WREN}", f"page: {LINE:x}"])
