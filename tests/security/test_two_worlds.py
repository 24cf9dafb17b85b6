"""What somebody is shown is the same, byte for byte, with and without what they may not see.

Nothing is pinned but the clock, nonces and CSRF tokens: the same town is looked at twice, before
and after the other provider is there with matters of every kind.
"""

from collections.abc import Iterator

from django.test import Client

from tests.security.asking import Answer, Way, answer, reading_calls, reading_pages
from tests.security.town import CANARY, MINE, THEIRS, Town, hide

WATCHING = ("nobody", "stranger", "oversight", "answers", "administers")
# What a list, a search, an export or a feed is asked with; every page and call gets all of them.
QUERIES = (
    "",
    "?page=2",
    "?as=csv",
    "?as=json",
    f"?text={CANARY}&q={CANARY}&name={CANARY}",
    f"?party={THEIRS}",
    "?about=198.51.100.9&target=198.51.100.9&tlp=TLP:AMBER",
    f"?tag={CANARY}&tags={CANARY}",
    "?order=events&limit=1",
    "?states=acknowledged&state=acknowledged",
)
# Growing with every matter is what these are for: open to all, and padded (decision 0013).
PUBLIC = ("public_log",)
# The numbers of the whole node, for whom the operator lets read them by address.
OPERATORS = ("metrics",)


def ways() -> list[Way]:
    """Every GET."""
    skipped = (*PUBLIC, *OPERATORS)
    return [way for way in reading_pages() if way.route.reads and way.route.name not in skipped]


def look(town: Town) -> Iterator[tuple[str, Answer]]:
    """Everything that each of them is shown, by who and where."""
    for name in WATCHING:
        for way in ways():
            for query in QUERIES:
                got = answer(way.ask(town.browsers[name], town.mine.objects, query=query))
                yield f"{name}: {way}{query}", got
                if got.status != 200 or way.route.owned:
                    break
    for way in reading_calls():
        for query in QUERIES:
            got = answer(way.ask(town.tokens[MINE], town.mine.objects, query=query))
            yield f"program: {way}{query}", got


def again(client: Client, path: str, tag: str) -> int:
    """What a page that asks whether anything changed is told."""
    return client.get(path, headers={"If-None-Match": tag, "HX-Request": "true"}).status_code


def test_what_is_hidden_changes_nothing_that_is_shown(town: Town):
    before = dict(look(town))
    hide(town)
    after = dict(look(town))

    assert [name for name in before if before[name] != after[name]] == []
    assert [name for name, got in after.items() if CANARY.encode() in _said(got)] == []
    assert len(before) > 700
    assert sum(got.status == 200 for got in before.values()) > 250


def _said(got: Answer) -> bytes:
    """An answer without what repeats the question."""
    asked = (f"value=&quot;{CANARY}", f'value="{CANARY}', f"={CANARY}", f'"{CANARY}"')
    asked += (f"{CANARY} is not listed", f"{CANARY} is not on the public list")
    body = got.body
    for word in asked:
        body = body.replace(word.encode(), b"")
    return body


def test_whoever_may_sees_the_difference(town: Town):
    """Or the test above would hold for a town in which nothing is hidden."""
    paths = ("/response/cases/", "/response/deliveries/", "/response/reports/", "/people/groups/")
    before = {path: answer(town.browsers["desk"].get(path)) for path in paths}
    hide(town)
    after = {path: answer(town.browsers["desk"].get(path)) for path in paths}

    for path in paths:
        assert before[path] != after[path], path
        assert CANARY.encode() in after[path].body.lower(), path


def test_nothing_changed_is_said_where_nothing_that_is_shown_changed(town: Town):
    path = f"/response/reports/uploads/{_dashed(town.mine.objects['intake'])}"
    client = town.browsers["answers"]
    tag = client.get(path, headers={"HX-Request": "true"}).headers["ETag"]
    hide(town)

    assert again(client, path, tag) == 304


def _dashed(uid: str) -> str:
    from uuid import UUID

    return str(UUID(uid))
