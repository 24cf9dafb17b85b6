"""The phishing shield, measured: `python -m tocsin.node.benches.shield FOLDER NAMES MESSAGES`.

Names through the desk's own tables: the zone rendered, a hundred changes told, and the time from
the second approval, by the real action and a real worker, to another answer of a real Unbound that
fetches the change from a real Knot DNS. Messages out of a Maildir through the real mailbox. What is
not installed is not measured: then its figures are null. Prints one JSON object.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from tocsin.node.meter import Meter

ORIGIN = "rpz.shield.example"
CHANGES = 100
CAMPAIGNS = 600  # of the messages: a few with very many, many with a few
ROUNDS = 3  # second approvals that are followed to the resolver; the slowest counts
LONGEST_WAIT = 120.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TOGETHER = 5_000


@dataclass(frozen=True)
class Place:
    """Where the measured servers lie, and on which ports they listen."""

    folder: Path
    primary: int
    resolver: int


def measure(place: Place, names: int, messages: int) -> dict[str, Any]:
    """All figures; the store is made in the folder."""
    at = datetime.now(UTC).replace(microsecond=0)
    rendered = _said("render", names)
    people = _begin(at)
    seed(names, at - timedelta(hours=1))
    found = _outputs(names, at)
    followed = _followed(place, people)
    sent = _triaged(place.folder, messages, at)
    return {
        "bench": "shield",
        "size": names,
        **rendered,
        "rate_per_second": round(names / rendered["seconds"]),
        "cpu_us_per_item": round(rendered["cpu_seconds"] / names * 1e6, 2),
        **found,
        **followed,
        **sent,
        "load_average": round(os.getloadavg()[0], 2),
    }


# ── the zone ─────────────────────────────────────────────────────────────────────────────


def name_of(number: int) -> str:
    """An invented name; every other number gives another."""
    return f"lure-{number * 2654435761 % 2**32:08x}.bank{number % 9973}.example"


def render(names: int) -> dict[str, Any]:
    """The zone out of the table, in a process of its own, so that the memory is its own."""
    import polars as pl

    from tocsin.formats.listed import SCHEMA, Edition
    from tocsin.formats.rpz import Zone, write_zone

    at = datetime(2026, 1, 1, tzinfo=UTC)
    number = pl.int_range(1, names + 1)
    table = (
        pl.DataFrame({"value": [name_of(number) for number in range(names)]})
        .with_columns(
            pl.lit("AAAA-BBBB-CCCC").alias("reference"),
            number.alias("number"),
            pl.lit("host").alias("scope"),
            (number % 2 == 0).alias("over_https"),
            pl.lit(None, dtype=pl.String).alias("brand"),
            pl.lit("a site of its own").alias("because"),
            pl.lit(at).alias("listed_at"),
            pl.lit(at + timedelta(days=180)).alias("expires_at"),
            pl.lit(2).alias("added_in"),
            pl.lit(None, dtype=pl.Int64).alias("removed_in"),
        )
        .select([pl.col(name).cast(kind) for name, kind in SCHEMA.items()])
    )
    zone = Zone(ORIGIN, f"ns.{ORIGIN}", f"hostmaster.{ORIGIN}")
    with Meter() as meter:
        data = write_zone(
            table, zone=zone, edition=Edition(2, at, "bench", "bench"), passes=["help.example"]
        )
    return {
        "seconds": round(meter.seconds, 3),
        "cpu_seconds": round(meter.cpu_seconds, 3),
        "peak_mib": round(meter.peak_mib, 1),
        "zone_bytes": len(data),
    }


def _said(what: str, *words: int) -> dict[str, Any]:
    command = [sys.executable, "-m", __spec__.name, what, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def _outputs(names: int, at: datetime) -> dict[str, float]:
    """The zone as a caller over HTTPS gets it after an edition; a hundred changes told."""
    from django.db import transaction

    from tocsin.desks.shield.actions.editions import new_edition
    from tocsin.desks.shield.models import Edition, Term
    from tocsin.desks.shield.queries import published
    from tocsin.formats.rpz import write_changes

    with Meter() as whole:
        published.file_of("rpz", contact="bench", at=at)
    before = published.newest()
    with transaction.atomic():
        version = new_edition("public", at=at)
        went = list(Term.objects.filter(audience="public")[: CHANGES // 2].values_list("pk"))
        Term.objects.filter(pk__in=[pk for (pk,) in went]).update(removed_in=version)
        _add(range(names, names + CHANGES // 2), version, at)
    row = Edition.objects.get(audience="public", version=version)
    started = time.perf_counter()
    delta = published.changes_since(before.version if before else 0, version=version)
    edition = published.edition_of(row, contact="bench", at=at)
    write_changes(delta, zone=published.zone(), edition=edition)
    return {
        "zone_out_of_database_seconds": round(whole.seconds, 2),
        "zone_out_of_database_peak_mib": round(whole.peak_mib, 1),
        "delta_ms": round((time.perf_counter() - started) * 1000, 1),
    }


# ── what is listed ───────────────────────────────────────────────────────────────────────


def seed(names: int, at: datetime) -> None:
    """So many names in force for everybody, straight into the tables: listing them is not timed."""
    from django.db import transaction

    from tocsin.desks.shield.actions.editions import new_edition
    from tocsin.rules.audiences import AUDIENCES

    with transaction.atomic():
        versions = {audience: new_edition(audience, at=at) for audience in AUDIENCES}
        version = versions["public"]
        for start in range(0, names, _TOGETHER):
            _add(range(start, min(start + _TOGETHER, names)), version, at)


def _add(numbers: range, version: int, at: datetime) -> None:
    from tocsin.desks.response.actions import bulk
    from tocsin.desks.shield.models import Listing, Term

    last, uids = bulk.last_key(Listing), bulk.uids(len(numbers))
    shared = {"scope": "host", "listed_at": at, "expires_at": at + timedelta(days=180)}
    values = [name_of(number) for number in numbers]
    over_https = [number % 2 == 0 for number in numbers]
    words = {"because": "a host of its own", "reason": "bench", "basis": "bench"}
    moments = {"proposed_at": at, "changed_at": at, "state": "listed"}
    columns: dict[str, Sequence[Any]] = {
        "uid": uids,
        "reference": bulk.references(len(numbers)),
        "value": values,
        "url": [f"https://{value}/" for value in values],
        "over_https": over_https,
    }
    bulk.insert(Listing, columns, **_others(Listing, columns, **shared, **words, **moments))
    made = bulk.keys_after(Listing, last)
    columns = {
        "listing_id": [made[uid] for uid in uids],
        "number": [number + 1 for number in numbers],
        "value": values,
        "over_https": over_https,
    }
    bulk.insert(Term, columns, **_others(Term, columns, **shared, added_in=version))


def _others(model: Any, columns: Mapping[str, Any], **words: Any) -> dict[str, Any]:
    """The other columns of a table as the database takes them: as given, or as they begin."""
    from django.db import connection

    fields = [one for one in model._meta.concrete_fields if not one.primary_key]  # noqa: SLF001
    return {
        field.attname: field.get_db_prep_save(
            words.get(field.attname, field.get_default()), connection=connection
        )
        for field in fields
        if field.attname not in columns
    }


def _begin(at: datetime) -> list[Any]:
    """The party that runs the node, and two of its people, as they are made by command."""
    from tocsin.office.models import Party
    from tocsin.office.people import actions
    from tocsin.office.people.viewer import viewer_of

    party = Party.objects.create(
        slug="bench-csirt",
        name="Bench CSIRT",
        role="csirt",
        country="BE",
        channel="folder",
        format="xarf",
        created_at=at,
        updated_at=at,
    )
    actions.run_node(party, by="bench", at=at)
    held = ["shield.propose", "shield.review"]
    people = [
        actions.add_person(
            email=f"{name}@bench.example", name=name, language="en", by="bench", at=at
        )
        for name in ("Rita", "Rolf")
    ]
    for person in people:
        actions.grant(person, party, competences=held, by="bench", at=at)
    return [viewer_of(person, at=at) for person in people]


# ── to the resolver ──────────────────────────────────────────────────────────────────────


def _followed(place: Place, people: list[Any]) -> dict[str, float | None]:
    """Seconds from the second approval to another answer, the slowest and the quickest."""
    knot, unbound = (shutil.which(name, path=_PATH) for name in ("knotd", "unbound"))
    if not knot or not unbound or not shutil.which("knotc", path=_PATH):
        return dict.fromkeys(("approval_to_answer_seconds", "approval_to_answer_best_seconds"))
    worker = [sys.executable, "-m", "tocsin.node", "worker"]
    with ExitStack() as stack:
        _serve_zone(stack, place, knot)
        _resolve(stack, place, unbound)
        stack.enter_context(_running(worker, place.folder))
        _approved(people, place.resolver, 0)  # the worker has just begun
        took = [_approved(people, place.resolver, number) for number in range(1, ROUNDS + 1)]
    return {
        "approval_to_answer_seconds": round(max(took), 2),
        "approval_to_answer_best_seconds": round(min(took), 2),
    }


def _approved(people: list[Any], port: int, number: int) -> float:
    """One name through both approvals; seconds from the second to NXDOMAIN at the resolver."""
    from tocsin.desks.shield.actions.deciding import approve, step_listing

    name = f"approved-{number}-{secrets.token_hex(4)}.example"
    rita, rolf = people
    row = approve(rita, url=f"https://{name}/", reason="bench", basis="bench", at=datetime.now(UTC))
    begun = time.perf_counter()
    step_listing(rolf, row.uid, step="confirm", text="", at=datetime.now(UTC))
    _wait(lambda: _status(name, port) == 3, f"{name} is not answered differently")
    return time.perf_counter() - begun


def _serve_zone(stack: ExitStack, place: Place, knot: str) -> None:
    """Knot DNS with the zone of the newest edition, ready to be told what changes."""
    from tocsin.desks.shield.queries import published

    folder = place.folder / "primary"
    (folder / "db").mkdir(parents=True)
    file = published.file_of("rpz", contact="bench", at=datetime.now(UTC))
    (folder / "zone").write_bytes(file.data)
    (folder / "world").write_text(
        "@ 60 SOA ns hostmaster 1 60 60 600 60\n@ 60 NS ns\nns 60 A 127.0.0.1\n"
        "*.example. 60 A 192.0.2.80\n"
    )
    (folder / "knot.conf").write_text(
        f'server:\n  listen: 127.0.0.1@{place.primary}\n  rundir: "{folder}"\n'
        f'control:\n  listen: "{folder}/control.sock"\n'
        f'database:\n  storage: "{folder}/db"\n'
        f"remote:\n  - id: resolver\n    address: 127.0.0.1@{place.resolver}\n"
        "acl:\n  - id: out\n    address: 127.0.0.1\n    action: transfer\n"
        f'zone:\n  - domain: {ORIGIN}.\n    file: "{folder}/zone"\n    zonefile-sync: -1\n'
        "    zonefile-load: whole\n    journal-content: changes\n"
        "    notify: resolver\n    acl: out\n"
        f'  - domain: example.\n    file: "{folder}/world"\n',
        "utf-8",
    )
    stack.enter_context(_running([knot, "-c", str(folder / "knot.conf")], place.folder))
    _wait(lambda: _status(ORIGIN, place.primary, kind=6) == 0, "Knot DNS does not serve the zone")


def _resolve(stack: ExitStack, place: Place, unbound: str) -> None:
    """Unbound, with the zone over a world that the same Knot DNS answers for."""
    folder = place.folder / "resolver"
    folder.mkdir()
    (folder / "unbound.conf").write_text(
        f'server:\n  interface: 127.0.0.1@{place.resolver}\n  username: ""\n  chroot: ""\n'
        f'  directory: "{folder}"\n  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n'
        '  do-not-query-localhost: no\n  module-config: "respip iterator"\n'
        '  local-zone: "example." nodefault\n'
        f"rpz:\n  name: {ORIGIN}\n  primary: 127.0.0.1@{place.primary}\n  allow-notify: 127.0.0.1\n"
        f"stub-zone:\n  name: example\n  stub-addr: 127.0.0.1@{place.primary}\n"
        "remote-control:\n  control-enable: no\n",
        "utf-8",
    )
    words = [unbound, "-d", "-c", str(folder / "unbound.conf")]
    stack.enter_context(_running(words, place.folder))
    _wait(
        lambda: _status(name_of(CHANGES), place.resolver) == 3, "Unbound has not fetched the zone"
    )


@contextmanager
def _running(words: list[str], folder: Path) -> Iterator[None]:
    log = folder / f"{Path(words[0]).name}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said, start_new_session=True)  # noqa: S603
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(is_so: Callable[[], bool], fault: str) -> None:
    until = time.monotonic() + LONGEST_WAIT
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit(f"{fault} after {LONGEST_WAIT:.0f} seconds")
        time.sleep(0.02)


def _status(name: str, port: int, *, kind: int = 1) -> int | None:
    """The status of an answer (RFC 1035 section 4.1.1); None where there is none."""
    question = b"".join(struct.pack("B", len(label)) + label.encode() for label in name.split("."))
    number = secrets.randbits(16)
    asked = struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + question
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        try:
            sock.sendto(asked + struct.pack(">BHH", 0, kind, 1), ("127.0.0.1", port))
            said = sock.recv(4096)
        except OSError:
            return None
    return said[3] & 15 if said[:2] == asked[:2] else None


# ── messages ─────────────────────────────────────────────────────────────────────────────


def _triaged(folder: Path, messages: int, at: datetime) -> dict[str, Any]:
    """Forwarded mails out of a Maildir through the desk's mailbox, then the queue in order."""
    from tocsin.desks.shield.actions.reading_mail import Taker, read_maildir
    from tocsin.desks.shield.actions.triaging import refresh_queue
    from tocsin.desks.shield.models import Group, Message
    from tocsin.office.people.models import Letter

    box = folder / "Maildir"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    for number in range(messages):
        (box / "new" / f"{number:08}.bench").write_bytes(mail(number, at))
    others = Letter.objects.count()
    with Meter() as meter:
        while read_maildir(box, Taker("bench", at, folder / "store", most=1_000_000)):
            pass
        refresh_queue(at=at)
    made = (Message.objects.count(), Letter.objects.count() - others)
    if made != (messages, messages):
        became = f"{made[0]} messages and {made[1]} answers"
        raise SystemExit(f"{messages} mails became {became}")
    return {
        "messages": messages,
        "groups": Group.objects.count(),
        "messages_seconds": round(meter.seconds, 1),
        "messages_cpu_seconds": round(meter.cpu_seconds, 1),
        "messages_peak_mib": round(meter.peak_mib, 1),
    }


def mail(number: int, at: datetime) -> bytes:
    """One forwarded lure; campaign 0 has most of them, each with an address of its own."""
    campaign = int(CAMPAIGNS ** ((number * 0.6180339887) % 1)) - 1
    letter = EmailMessage()
    letter["From"] = f"Reader <reader{number}@reader{number % 97}.example>"
    letter["To"] = "suspicious@bench.example"
    letter["Subject"] = "Fwd: Your parcel waits"
    letter["Message-ID"] = f"<{number}@reader.example>"
    letter["Date"] = at
    letter.set_content(
        "Is this real?\n\n---------- Forwarded message ---------\n"
        "From: Parcels <post@sender.example>\nSubject: Your parcel waits\n\n"
        f"{'Dear customer, your parcel could not be delivered. ' * 20}\n"
        f"Pay now: https://parcel-{campaign}.fraud{campaign}.example/pay?id={number}\n"
    )
    return letter.as_bytes()


def main(folder: Path, names: int, messages: int) -> dict[str, Any]:
    """With a node's environment of its own, which is read once and for all."""
    from tocsin.node.store import open_store

    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(
        {
            "TOCSIN_STORE": str(folder / "store"),
            "TOCSIN_SHIELD_ZONE": ORIGIN,
            "TOCSIN_SHIELD_KNOT_SOCKET": str(folder / "primary" / "control.sock"),
        }
    )
    open_store(folder / "store")
    return measure(Place(folder, _free_port(), _free_port()), names, messages)


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    if sys.argv[1] == "render":
        facts = render(int(sys.argv[2]))
    else:
        facts = main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(facts) + "\n")
