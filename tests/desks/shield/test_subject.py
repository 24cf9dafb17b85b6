"""What `tocsin subject` finds of somebody who reported or appealed, while it is still there."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.models import Recheck
from tocsin.flow.subject import accounts
from tocsin.office.erasure.texts import found
from tocsin.office.people.viewer import Viewer

CORA = "cora@reader.example"


def test_a_reporter_and_an_appellant_get_what_they_left(
    people: Callable[[str], Viewer], at: datetime, send: Any
):
    row = approve(people("rita"), url=LURE, reason="asks for codes", basis=BASIS, at=at)
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    send(f"not ours: https://elsewhere.example/ says {CORA}", answer_to=CORA)
    words = {"language": "en", "is_cleaned": False, "by": "public", "at": at}
    file_appeal(about=row.reference, text=f"ask {CORA}", answer_to=CORA, **words)
    Recheck.objects.filter(pk=row.rechecks.first().pk).update(text=f"{CORA} says it is clean")
    rows = [str(one) for one in found(accounts([CORA]))]

    assert any("shield.Message" in one and "says cora@reader.example" in one for one in rows)
    assert any("shield.Appeal" in one and "ask cora@reader.example" in one for one in rows)
    assert any("shield.Recheck" in one for one in rows)
    assert sum("sealed_address" in one for one in rows) == 2
    assert [one for one in rows if "neighbour" in one] == []
    assert list(found(accounts(["somebody.else@reader.example"]))) == []
