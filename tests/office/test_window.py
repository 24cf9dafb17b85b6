"""The deduplication window's files come and go with their rows."""

from datetime import timedelta

import pytest

from tocsin.office.models import Run, WindowSegment
from tocsin.office.window import add_segment, expire_window, segments

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def run(at) -> Run:
    return Run.objects.create(kind="route", at=at, started_at=at)


def test_a_segment_counts_until_it_expires(run, at) -> None:
    segment = add_segment(run=run, path="window/1.keys", keys=7, at=at, until=at + DAY)

    just_before = at + DAY - timedelta(microseconds=1)
    assert (list(segments(at=just_before)), list(segments(at=at + DAY))) == ([segment], [])


def test_the_same_file_twice_is_one_segment(run, at) -> None:
    for _ in range(2):
        add_segment(run=run, path="window/1.keys", keys=7, at=at, until=at + DAY)

    assert WindowSegment.objects.count() == 1


def test_expiring_deletes_row_and_file_and_nothing_else(run, at, store) -> None:
    for number, until in ((1, at + DAY), (2, at + 2 * DAY)):
        (store.window / f"{number}.keys").write_bytes(b"keys")
        add_segment(run=run, path=f"window/{number}.keys", keys=1, at=at, until=until)

    assert expire_window(at=at + DAY, store_folder=store.path) == 1
    assert [row.path for row in WindowSegment.objects.all()] == ["window/2.keys"]
    assert [path.name for path in store.window.iterdir()] == ["2.keys"]
