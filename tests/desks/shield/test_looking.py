"""The isolated fetcher: off by default, asked for by reviewers, one process, one row."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.channels.receiver import Receiver, Said
from tests.desks.people import viewer
from tocsin.channels.landing import Fetcher
from tocsin.desks.shield.actions import looking
from tocsin.desks.shield.actions.looking import ask_for_look, next_look, take_look
from tocsin.desks.shield.models import Group, Look, Message
from tocsin.desks.shield.queries.looks import seen_of
from tocsin.office.models import RegisterRow
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Refused

People = Callable[[str], Viewer]
Send = Callable[..., Message]


@pytest.fixture
def site(loopback: None) -> Iterator[Receiver]:
    receiver = Receiver(None)
    yield receiver
    receiver.close()


@pytest.fixture
def fetcher(site: Receiver) -> Fetcher:
    return Fetcher(is_on=True, allow="127.0.0.1/32", ports=(site.port,))


def group_of(send: Send, url: str) -> Group:
    send(url)
    return Group.objects.get(key=url)


def test_where_an_address_leads_stands_with_its_group(
    send: Send, people: People, site: Receiver, fetcher: Fetcher, at: datetime
):
    base = f"http://127.0.0.1:{site.port}"
    first, second = group_of(send, f"{base}/a"), group_of(send, f"{base}/b")
    page = b"<title>My Bank: https://evil.example/</title>"
    ask_for_look(people("rita"), first.uid, fetcher=fetcher, at=at)
    ask_for_look(people("rita"), second.uid, fetcher=fetcher, at=at)
    for _ in range(2):
        site.answers = [Said(302, {"Location": "/end"}), Said(200, {}, page)]
        look = next_look()
        assert look is not None
        take_look(look, fetcher=fetcher, at=at)

    assert next_look() is None
    seen = seen_of(first)
    assert seen is not None
    inert = f"hxxp://127.0.0.1:{site.port}"
    assert (seen.look.state, seen.look.status, seen.look.size) == ("done", 200, len(page))
    assert seen.landing == f"{inert}/end"
    assert seen.hops == ((f"{inert}/a", 302), (f"{inert}/end", 200))
    assert seen.title == "My Bank: hxxps://evil[.]example/"
    assert seen.others == (second,)
    assert RegisterRow.objects.filter(action="shield:group:fetch").count() == 2


def test_nothing_is_fetched_unless_it_is_turned_on(group: Group, people: People, at: datetime):
    with pytest.raises(Refused, match="this node fetches nothing"):
        ask_for_look(people("rita"), group.uid, fetcher=Fetcher(), at=at)
    assert Look.objects.count() == 0


def test_only_a_reviewer_asks_and_not_all_the_time(group: Group, people: People, at: datetime):
    on = Fetcher(is_on=True)
    pia = viewer("meadow-net", "shield.propose", at=at, name="pia")
    with pytest.raises(Refused):
        ask_for_look(pia, group.uid, fetcher=on, at=at)
    ask_for_look(people("rita"), group.uid, fetcher=on, at=at)
    with pytest.raises(Refused, match="within ten minutes"):
        ask_for_look(people("rolf"), group.uid, fetcher=on, at=at + timedelta(minutes=9))
    ask_for_look(people("rolf"), group.uid, fetcher=on, at=at + timedelta(minutes=11))
    assert Look.objects.count() == 2


def test_an_address_of_our_own_network_is_not_asked(
    send: Send, people: People, site: Receiver, at: datetime
):
    closed = Fetcher(is_on=True, ports=(site.port,))
    group = group_of(send, f"http://127.0.0.1:{site.port}/a")
    look = ask_for_look(people("rita"), group.uid, fetcher=closed, at=at)
    take_look(look, fetcher=closed, at=at)

    assert (look.state, look.landing, site.requests) == ("failed", "", [])
    assert "which is refused (this machine" in look.fault


def test_a_group_that_leads_nowhere_is_not_looked_at(send: Send, people: People, at: datetime):
    send("no address at all")
    with pytest.raises(NotFound):
        ask_for_look(people("rita"), Group.objects.get().uid, fetcher=Fetcher(is_on=True), at=at)


@pytest.mark.parametrize(
    "said",
    [
        b"", b"no json", b"[]", b"x" * 70_000, b'{"landing": 7, "hops": "x", "names": [7, null]}',
        b'{"landing": "javascript:x", "status": -5, "size": 1e99, "hops": [7, {"url": null}]}',
        b'{"title": "\\u0000\\ud800 x", "digest": {}, "fault": ["x"]}',
    ],
)  # fmt: skip
def test_whatever_the_process_says_a_row_is_a_row(
    group: Group, people: People, at: datetime, monkeypatch: Any, said: bytes
):
    class Done:
        stdout = said

    monkeypatch.setattr(looking.subprocess, "run", lambda *_words, **_named: Done)
    look = ask_for_look(people("rita"), group.uid, fetcher=Fetcher(is_on=True), at=at)
    take_look(look, fetcher=Fetcher(is_on=True), at=at)

    look.refresh_from_db()
    assert (look.state, look.landing, look.place) in (("failed", "", ""), ("done", "", ""))
    assert seen_of(group) is not None
