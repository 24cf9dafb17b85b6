"""From the logs of a provider to the line an address was, and to nobody's name on the way."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tocsin.desks.subscribers.actions import keeping
from tocsin.desks.subscribers.actions.contacts import import_contacts
from tocsin.desks.subscribers.actions.erasing import erase_bindings
from tocsin.desks.subscribers.actions.importing import Imported, Reading, import_log
from tocsin.desks.subscribers.actions.looking import Answer, Sighting, whose
from tocsin.desks.subscribers.models import BindingRun, Contact, Source
from tocsin.node.store import Store
from tocsin.office import register
from tocsin.words.errors import NotFound, Unreadable, Unusable

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parents[3] / "samples" / "leases"
DETAIL = SAMPLES / "freeradius-detail" / "detail-20261123"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Read = Callable[..., Imported]
Ask = Callable[..., Answer]


def minute(number: int) -> datetime:
    """So many minutes after nine."""
    return NOON - timedelta(hours=3) + timedelta(minutes=number)


@pytest.fixture
def read(store: Store) -> Read:
    """`read(path, source=…)`: import a log."""

    def reading(path: Path, source: str = "radius", **more: object) -> Imported:
        how = Reading(source, **more)  # type: ignore[arg-type]
        return import_log(path, how, by="operator", at=NOON, store_folder=store.path)

    return reading


@pytest.fixture
def ask(store: Store) -> Ask:
    """`ask(address, at, port=…)`: whose line it was."""

    def asking(address: str, at: datetime, port: int | None = None, **more: object) -> Answer:
        return whose(
            Sighting(address, at, port), why="report 17", by="desk", at=NOON,
            store_folder=store.path, **more,  # type: ignore[arg-type]
        )  # fmt: skip

    return asking


def test_a_session_that_was_read_tells_the_line(read: Read, ask: Ask) -> None:
    done = read(DETAIL)
    answer = ask("192.0.2.30", minute(30))

    assert (done.messages, done.spans, done.going, done.refused) == (7, 3, 0, 0)
    assert (answer.outcome, len(answer.lines), answer.source) == ("exactly one line", 1, "radius")
    assert answer.because == (
        "one line held 192.0.2.30 from 2026-11-23T09:00:00Z to 2026-11-23T10:00:00Z, "
        "says radius; no other within the tolerance of the clocks"
    )
    assert ask("2001:db8:0:3ff::9", minute(30)).lines == answer.lines


def test_every_look_up_stands_in_the_register_with_its_reason(read: Read, ask: Ask) -> None:
    read(DETAIL)
    ask("192.0.2.30", minute(30))
    ask("192.0.2.99", minute(30))

    looked = [
        (row.actor, row.facts["why"], row.facts["shown"])
        for row in register.rows(action="subscribers:line:consult")
    ]
    assert looked == [("desk", "report 17", 1), ("desk", "report 17", 0)]
    with pytest.raises(Unusable):
        whose(Sighting("192.0.2.30", NOON), why=" ", by="desk", at=NOON, store_folder=Path())


def test_the_change_of_hands_is_ambiguous_and_names_both(read: Read, ask: Ask) -> None:
    read(DETAIL)

    answer = ask("192.0.2.30", minute(60) + timedelta(seconds=5))

    assert (answer.outcome, len(answer.lines)) == ("ambiguous", 2)


def test_a_file_is_read_once(read: Read, ask: Ask) -> None:
    read(DETAIL)

    assert read(DETAIL).is_repeat
    assert BindingRun.objects.count() == 1
    assert ask("192.0.2.30", minute(30)).outcome == "exactly one line"


def test_a_log_that_comes_in_pieces_says_what_it_says_whole(
    read: Read, ask: Ask, tmp_path: Path
) -> None:
    blocks = DETAIL.read_text().split("\n\n")
    for number, block in enumerate(blocks[:-1]):
        piece = tmp_path / f"detail-{number}"
        piece.write_text(block + "\n\n")
        read(piece)
        if number == 1:
            assert ask("192.0.2.30", minute(20)).outcome == "exactly one line"

    assert ask("192.0.2.30", minute(30)).since == minute(0)
    assert ask("192.0.2.30", minute(30)).until == minute(60)


def test_a_translated_address_leads_over_its_inside_address(read: Read, ask: Ask) -> None:
    read(SAMPLES / "csv/leases.csv", source="north")
    inside = Source.objects.get().inside_realm
    assert ask("198.51.100.1", minute(30), 1500).outcome == "none"

    lease = SAMPLES.parent / "leases" / "csv" / "leases.csv"
    assert lease.exists()
    assert "translated from an inside address" in ask("198.51.100.1", minute(30), 1500).because
    assert inside == 1


def test_inside_leases_of_the_same_realm_explain_it(read: Read, ask: Ask, tmp_path: Path) -> None:
    read(SAMPLES / "csv/leases.csv", source="cgn", inside_realm=7)
    log = tmp_path / "inside.csv"
    log.write_text(
        "ip,subscriber,at,until\n100.64.0.9,circuit-9,2026-11-01T00:00:00Z,2026-12-01T00:00:00Z\n"
    )
    read(log, source="inside", realm=7)

    answer = ask("198.51.100.1", minute(30), 1500)

    assert (answer.outcome, answer.source) == ("exactly one line", "inside")
    assert ask("198.51.100.1", minute(30)).outcome == "not attributable"


def test_a_name_is_told_only_where_it_is_asked_for_and_on_the_list(
    read: Read, ask: Ask, store: Store, tmp_path: Path
) -> None:
    read(DETAIL)
    names = tmp_path / "subscribers.csv"
    names.write_text("subscriber,email\nline-0030@isp.example,someone@customer.example\n")
    import_contacts(names, by="operator", at=NOON, store_folder=store.path)

    assert ask("192.0.2.30", minute(30)).name == ""
    assert ask("192.0.2.30", minute(30), named=True).name == "line-0030@isp.example"
    said = [row.facts["what"] for row in register.rows(action="subscribers:line:consult")]
    assert said == ["line", "line and name"]


def test_no_file_of_the_store_names_a_subscriber(read: Read, store: Store) -> None:
    half = store.path.parent / "half"
    half.write_text(DETAIL.read_text().split("\n\n")[0] + "\n\n")
    read(half)

    data = [path.read_bytes() for path in (store.path / "bindings").iterdir()]
    pending = [
        pl.read_parquet(path) for path in (store.path / "bindings").glob("*.pending.parquet")
    ]

    assert len(data) == 2
    assert not any(b"line-0030" in one for one in data)
    assert all("line-0030" not in str(frame.rows()) for frame in pending)


def test_two_names_of_a_line_are_one_line_where_the_list_says_so(
    read: Read, ask: Ask, store: Store, tmp_path: Path
) -> None:
    read(DETAIL)
    read(DETAIL, source="by-mac", subscriber="NAS-IP-Address")
    assert ask("192.0.2.30", minute(30)).outcome == "ambiguous"
    names = tmp_path / "subscribers.csv"
    names.write_text(
        "subscriber,same_as\nline-0030@isp.example,\n203.0.113.1,line-0030@isp.example\n"
    )
    import_contacts(names, by="operator", at=NOON, store_folder=store.path)

    answer = ask("192.0.2.30", minute(30), named=True)

    assert (answer.outcome, answer.name) == ("exactly one line", "line-0030@isp.example")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name\nx\n", "no column subscriber"),
        ("subscriber\nx\nx\n", "line 3: the subscriber of line 2 again"),
        ('subscriber\n"x\n', "line 1: no CSV"),
        ("subscriber,email\n,x@y.example\n", "line 2: a subscriber has 1 to 200 characters"),
    ],
)
def test_a_list_that_cannot_be_used_changes_nothing(
    text: str, fault: str, store: Store, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("subscriber\nline-1\n")
    bad.write_text(text)
    import_contacts(good, by="operator", at=NOON, store_folder=store.path)

    with pytest.raises(Unreadable, match=fault):
        import_contacts(bad, by="operator", at=NOON, store_folder=store.path)

    assert [row.name for row in Contact.objects.all()] == ["line-1"]


def test_what_cannot_be_read_is_said_and_nothing_is_kept_of_it(
    read: Read, store: Store, tmp_path: Path
) -> None:
    log = tmp_path / "leases.csv"
    log.write_text("ip,subscriber,at,until\nnowhere,x,2026-11-23T09:00:00Z,2026-11-23T10:00:00Z\n")

    with pytest.raises(Unusable, match="not one of 1 records can be used; the first, line 2: ip"):
        read(log, source="dhcp")
    with pytest.raises(NotFound):
        read(tmp_path / "none", source="dhcp")

    assert (Source.objects.count(), list((store.path / "bindings").glob("*"))) == (0, [])


def test_what_a_cut_off_import_left_is_swept_by_the_next(read: Read, store: Store) -> None:
    folder = store.path / "bindings"
    folder.mkdir(exist_ok=True)
    for name in ("dead.bindings.parquet", ".dead.bindings.parquet.partial"):
        (folder / name).write_bytes(b"half")

    read(DETAIL)

    assert not list(folder.glob("*dead*"))


def test_many_runs_become_one_and_say_the_same(
    read: Read, ask: Ask, store: Store, tmp_path: Path
) -> None:
    for number in range(keeping.MOST_RUNS + 1):
        log = tmp_path / f"{number}.csv"
        log.write_text(
            "ip,subscriber,at,until\n"
            f"192.0.2.{number},line-{number},2026-11-23T09:00:00Z,2026-11-23T10:00:00Z\n"
        )
        read(log, source="dhcp")

    assert BindingRun.objects.count() == 1
    assert BindingRun.objects.get().rows == keeping.MOST_RUNS + 1
    assert len({ask(f"192.0.2.{n}", minute(30)).lines[0] for n in range(9)}) == 9
    assert len(list((store.path / "bindings").glob("*"))) == 3  # the run, what goes on, pending


def test_what_ended_long_ago_is_dropped(read: Read, ask: Ask, store: Store) -> None:
    read(DETAIL)
    later = NOON + timedelta(days=180)

    looked = keeping.drop_due(at=later, store_folder=store.path, dry_run=True)
    dropped = keeping.drop_due(at=later, store_folder=store.path)

    assert (looked.due, dropped.due, dropped.place) == (3, 3, "bindings of addresses")
    assert keeping.drop_due(at=later, store_folder=store.path).due == 0
    assert ask("192.0.2.30", minute(30)).outcome == "none"


@pytest.mark.parametrize(
    ("kind", "value", "gone"),
    [
        ("address", "192.0.2.30", 2),
        ("address", "2001:db8:0:310::/64", 1),
        ("address", "192.0.2.0/24", 2),
        ("address", "203.0.113.9", 0),
        ("account", "line-0031@isp.example", 1),
        ("report", "192.0.2.30", 0),
    ],
)
def test_an_erasure_takes_addresses_and_lines_out_of_the_files(
    kind: str, value: str, gone: int, read: Read, store: Store
) -> None:
    read(DETAIL)

    def erase(*, dry_run: bool) -> int:
        return erase_bindings(kind, [value], at=NOON, store_folder=store.path, dry_run=dry_run)

    assert (erase(dry_run=True), erase(dry_run=False), erase(dry_run=False)) == (gone, gone, 0)
    assert sum(row.rows for row in BindingRun.objects.all()) == 3 - gone


def test_an_erasure_of_a_line_finds_it_under_its_other_names(
    read: Read, store: Store, tmp_path: Path
) -> None:
    read(DETAIL, subscriber="NAS-IP-Address")
    names = tmp_path / "subscribers.csv"
    names.write_text("subscriber,same_as\nada,\n203.0.113.1,ada\n")
    import_contacts(names, by="operator", at=NOON, store_folder=store.path)

    erased = erase_bindings("account", ["ada"], at=NOON, store_folder=store.path, dry_run=False)

    assert erased == 3


def test_an_erasure_takes_out_what_goes_on_as_well(
    read: Read, ask: Ask, store: Store, tmp_path: Path
) -> None:
    half = tmp_path / "half"
    half.write_text(DETAIL.read_text().split("\n\n")[0] + "\n\n")
    read(half)

    erased = erase_bindings(
        "address", ["192.0.2.30"], at=NOON, store_folder=store.path, dry_run=False
    )

    assert erased == 1
    (pending,) = (store.path / "bindings").glob("*.pending.parquet")
    assert pl.read_parquet(pending)["ip"].to_list() == ["2001:db8:0:300::/56"]
