"""From what is in the store to a network's curve: whose it is, what it says, who sees it."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.conf import settings as django_settings

from tests.desks.pages import somebody
from tests.desks.people import desk, viewer
from tocsin.desks.response.actions.cleaning_up import count_clean_up
from tocsin.desks.response.models import CleanUp
from tocsin.desks.response.queries.clean_up import clean_up_for
from tocsin.flow import store as events
from tocsin.office.models import Party

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("parties")]


def seen(folder: Path, at: datetime, rows: list[tuple[str, str, int]]) -> None:
    """Sightings: network, address, days before `at`."""
    days: dict[date, list[tuple[str, str]]] = {}
    for party, address, ago in rows:
        days.setdefault((at - timedelta(days=ago)).date(), []).append((party, address))
    parts = []
    for number, (day, some) in enumerate(sorted(days.items())):
        rows_of = pl.DataFrame(
            {
                "run": ["c1"] * len(some),
                "told": [f"network:source:{party}:asn:AS64496" for party, _ in some],
                "classification.type": ["infected-system"] * len(some),
                "malware.name": ["grove"] * len(some),
                "source.ip": [address for _, address in some],
            }
        )
        parts.append(events.write_part(rows_of, folder / "events", name=f"c1-{number}", day=day))
    events.commit(folder / "events", parts, run="c1", at=at)


def many(party: str, n: int, *, lasted: int, ago: int) -> list[tuple[str, str, int]]:
    addresses = [f"192.0.2.{number}" for number in range(1, n + 1)]
    return [(party, one, ago - day) for one in addresses for day in (0, lasted - 1)]


def test_a_network_s_spells_become_its_curve(tmp_path, at) -> None:
    rows = [*many("meadow-net", 3, lasted=5, ago=60), ("meadow-net", "192.0.2.1", 20)]
    rows += [("meadow-net", "192.0.2.9", 2), ("gone-party", "192.0.2.1", 3)]
    seen(tmp_path, at, rows)

    assert count_clean_up(store_folder=tmp_path, at=at) == 1
    (row,) = CleanUp.objects.all()
    assert (row.party.slug, row.spells, row.over, row.median) == ("meadow-net", 5, 4, 5)
    assert row.coming_back == pytest.approx(1 / 3)
    assert [(day, round(share, 2)) for day, share, *_ in row.still] == [(1, 0.8), (5, 0.0)]

    assert count_clean_up(store_folder=tmp_path, at=at + timedelta(days=400)) == 0
    assert not CleanUp.objects.exists()


def test_nothing_is_counted_where_no_report_came_in_yet(tmp_path, at) -> None:
    assert count_clean_up(store_folder=tmp_path, at=at) == 0


def test_whoever_runs_the_node_sees_every_network_and_others_their_own(tmp_path, at) -> None:
    seen(tmp_path, at, many("meadow-net", 2, lasted=3, ago=50)
         + many("brook-telecom", 4, lasted=2, ago=50))  # fmt: skip
    count_clean_up(store_folder=tmp_path, at=at)

    slugs = [[row.party.slug for row in clean_up_for(who).rows] for who in (
        desk(at), viewer("meadow-net", "response.answer", at=at),
        viewer("csirt-pl", "response.answer", at=at))]  # fmt: skip
    assert slugs == [["brook-telecom", "meadow-net"], ["meadow-net"], []]
    own = clean_up_for(viewer("meadow-net", "response.answer", at=at), of="brook-telecom")
    assert own.shown is not None
    assert own.shown.party.slug == "meadow-net"
    assert own.chart is not None
    assert "brook" not in own.chart.title.lower() + own.chart.svg.lower()


def test_peers_are_a_band_without_names_once_there_are_enough(tmp_path, at) -> None:
    slugs = list(Party.objects.order_by("slug").values_list("slug", flat=True)[:5])
    rows = [row for n, slug in enumerate(slugs) for row in many(slug, 20, lasted=n + 2, ago=60)]
    seen(tmp_path, at, rows)
    count_clean_up(store_folder=tmp_path, at=at)
    found = clean_up_for(desk(at), of=slugs[0])

    assert found.chart is not None
    assert len(found.chart.heads) == 4
    assert "tocsin-chart__band" in found.chart.svg
    peers = CleanUp.objects.get(party=None)
    assert (peers.spells, peers.still[4]) == (100, [4, 0.0, 0.0, 1.0])

    CleanUp.objects.all().delete()
    store_two = tmp_path / "two"
    seen(store_two, at, [row for row in rows if row[0] != slugs[4]])
    count_clean_up(store_folder=store_two, at=at)
    assert not CleanUp.objects.filter(party=None).exists()
    assert len(clean_up_for(desk(at)).chart.heads) == 3


def test_the_page_of_figures_shows_it_and_says_what_it_counts(
    tmp_path, at, store, settings, monkeypatch
) -> None:
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    settings.STORE = store.path
    client = somebody("meadow-net", "response.answer", at=at)
    assert "How long infections stay" not in client.get("/response/figures/").text

    seen(tmp_path, at, many("meadow-net", 2, lasted=3, ago=50))
    count_clean_up(store_folder=tmp_path, at=at)
    page = client.get("/response/figures/?of=meadow-net").text
    assert "One counts as clean after 14 days out of sight" in page
    assert "share still seen, by days since the first sighting" in page
    assert page.count("tocsin-chart__curve") == 1
