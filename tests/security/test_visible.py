"""What somebody sees is not theirs to change: every write route as who lacks its right."""

from tests.security.asking import Way, answer, changed, writing_calls, writing_pages, written
from tests.security.town import NODE, NOON, Town, _mandate, call
from tocsin.node.api.site import api
from tocsin.office.people import actions as people
from tocsin.office.people.models import Person
from tocsin.office.people.viewer import Viewer, viewer_of


def viewers(town: Town) -> dict[str, Viewer]:
    """Everybody who signed in, as the pages see them."""
    return {
        name: viewer_of(Person.objects.get(pk=client.session["_auth_user_id"]), at=NOON)
        for name, client in town.browsers.items()
        if name != "nobody"
    }


def _lacks(viewer: Viewer, way: Way) -> bool:
    needed = getattr(way.route.view, "needs", ())
    return bool(needed) and not any(viewer.may(one) for one in needed)


def test_a_page_that_writes_is_shut_to_who_may_only_look(full: Town):
    before, told, tried = written(full), {}, 0
    for name, viewer in viewers(full).items():
        for way in writing_pages():
            if not _lacks(viewer, way):
                continue
            tried += 1
            status = answer(way.ask(full.browsers[name], full.mine.objects)).status
            if status not in (403, 404):
                told[f"{name}: {way}"] = status

    assert told == {}
    assert changed(before, written(full)) == []
    assert tried > 200


def test_some_of_them_see_what_they_may_not_change(full: Town):
    """Or the test above would be one of people who see nothing."""
    case = f"/response/cases/{_dashed(full.mine.objects['case'])}"
    own = f"/parties/of/{full.mine.slug}/"
    looking = {
        "administers": (case, f"{case}/step", {"step": "acknowledge"}),
        "answers": (case, f"{case}/assign", {"person": ""}),
        "desk": (own, f"/people/of/{full.mine.slug}/invite/", {"name": "X"}),
    }
    before = written(full)
    for name, (seen, written_to, body) in looking.items():
        browser = full.browsers[name]
        statuses = (browser.get(seen).status_code, browser.post(written_to, body).status_code)
        assert statuses in ((200, 403), (200, 404)), name

    assert set(changed(before, written(full))) <= {"office.registerrow"}  # who looked


def _dashed(uid: str) -> str:
    return f"{uid[:8]}-{uid[8:12]}-{uid[12:16]}-{uid[16:20]}-{uid[20:]}"


def test_a_token_that_reads_changes_nothing(full: Town):
    """A program with every scope that reads, and none that writes."""
    mandate = _mandate("dora", NODE)
    scopes = [
        name
        for name in {one for _, _, scope in api.scopes() if scope for one in scope.permissions}
        if name.endswith((":read", ":read_own")) and viewer_of(mandate.person, at=NOON).may(name)
    ]
    _, token = people.make_token(
        mandate,
        name="reader",
        scopes=scopes,
        expires_at=NOON.replace(day=30),
        by="test",
        at=NOON,
    )
    before = written(full)
    seen = {path: call(token, "GET", path).status_code for path in ("/cases", "/reports")}
    statuses = {
        str(way): answer(way.ask(token, full.mine.objects)).status for way in writing_calls()
    }

    assert set(seen.values()) == {200}
    assert {way: status for way, status in statuses.items() if status not in (403, 404)} == {}
    assert set(changed(before, written(full))) <= {"people.token"}  # when it was last used
