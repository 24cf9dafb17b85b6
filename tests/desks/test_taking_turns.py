"""Who sends much makes the others wait for one report, and not for all."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desks.conftest import OVERLAY, SAMPLES
from tests.desks.pages import work
from tocsin.desks.response.actions import pipeline
from tocsin.desks.response.actions.take_in import Brought, take_in
from tocsin.desks.response.models import Intake
from tocsin.office.models import Party

SINKHOLE = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("parties")


@pytest.fixture
def bring(store: Any, at: datetime, tmp_path: Path) -> Any:
    """`bring("meadow-net", 3)`: its third report, a second after the second."""

    def bring(slug: str, number: int, data: bytes = b"") -> Intake:
        path = tmp_path / f"2026-06-17-event4_sinkhole-{slug or 'desk'}-{number}.csv"
        path.write_bytes(data or SINKHOLE.read_bytes().replace(b"demo", f"d{number}".encode()))
        return take_in(
            path,
            name=path.name,
            brought=Brought(),
            party=Party.objects.get(slug=slug) if slug else None,
            by="test",
            at=at + number * SECOND,
            store_folder=store.path,
        )

    return bring


def test_parties_take_turns_and_the_nodes_own_come_first(bring, store, at):
    rows = [bring("meadow-net", n) for n in range(3)]
    rows += [bring("brook-telecom", 5), bring("", 9)]
    said = work(store.path, OVERLAY, at=at + timedelta(minutes=1))
    names = {row.uid.hex[:8]: row.name.removeprefix("2026-06-17-event4_sinkhole-") for row in rows}

    assert [names[line[:8]] for line in said] == [
        "meadow-net-0.csv",
        "brook-telecom-5.csv",
        "desk-9.csv",
        "meadow-net-1.csv",
        "meadow-net-2.csv",
    ]


def test_what_is_nearly_all_unreadable_is_given_up_and_tells_nobody(bring, store, at, monkeypatch):
    monkeypatch.setattr(pipeline, "MOST_UNREADABLE", 50)
    head, *good = SINKHOLE.read_bytes().splitlines(keepends=True)
    row = bring("meadow-net", 1, head + good[0] + b'"no","moment"\n' * 100_000)
    work(store.path, OVERLAY, at=at + timedelta(minutes=1))
    row.refresh_from_db()

    assert row.state in ("done", "failed")
    said = f"{row.outcome} {row.error}"
    assert "records cannot be read, so that it is hardly what it says" in said
    assert Intake.objects.get().outcome.get("deliveries", []) == []
