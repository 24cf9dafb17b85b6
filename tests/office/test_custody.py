"""Holds and exports: who kept what for whom, and that it is what came in."""

import hashlib
import io
import json
import subprocess
import sys
from datetime import timedelta

import pytest

from tocsin.office import custody, evidence, holds, register
from tocsin.office.keys import public_text, signing_key
from tocsin.office.signing import verify_export
from tocsin.words.errors import NotFound, Refused, Unreadable, Unusable

pytestmark = pytest.mark.django_db(transaction=True)

REPORT = b"timestamp,ip\n2026-11-23 09:00:00,192.0.2.7\n"
DIGEST = hashlib.sha256(REPORT).hexdigest()
DAY = timedelta(days=1)
COURT = {"authority": "Court of Ghent", "reference": "17/26", "by": "anna"}


@pytest.fixture
def kept(store, at):
    return evidence.keep(
        io.BytesIO(REPORT),
        evidence_class="machine-report",
        media_type="text/csv",
        at=at,
        keep_for=90 * DAY,
        store_folder=store.path,
    )


@pytest.fixture
def export(kept, store, tmp_path, at):
    def run(named: str = DIGEST, **words):
        given = {"out": tmp_path / "exports", "why": "request of the court, 17/26", **words}
        return custody.export(
            named, by="anna", at=at, store_folder=store.path, version="0.1.0", **given
        )

    return run


def public(store) -> str:
    return public_text(signing_key(store.keys))


def test_an_export_is_the_exact_bytes_and_who_did_what(export, store, at):
    holds.add(DIGEST, until=None, at=at, **COURT)
    done = export()
    facts = verify_export(done.folder, public_key=public(store))

    assert (done.folder / f"{DIGEST}.bin").read_bytes() == REPORT
    assert facts["file"] == {"name": f"{DIGEST}.bin", "sha256": DIGEST, "bytes": len(REPORT)}
    assert facts["exported"] == {
        "at": "2026-11-23T09:00:00Z",
        "by": "anna",
        "tool": "tocsin 0.1.0",
        "why": "request of the court, 17/26",
    }
    assert [row["action"] for row in facts["register"]] == [
        "office:evidence:hold",
        "office:evidence:export",
    ]
    assert facts["hold"] == "Court of Ghent (17/26) until it is lifted"


def test_the_instructions_work_without_tocsin(export):
    done = export()
    text = (done.folder / "VERIFY.txt").read_text()
    code = "\n".join(line[3:] for line in text.splitlines() if line.startswith("   "))
    program = code[code.index("import json") :]
    program = program[: program.index("signed)") + len("signed)")]
    ran = subprocess.run([sys.executable, "-c", program], cwd=done.folder, check=False)

    assert ran.returncode == 0


@pytest.mark.parametrize("name", ["custody.json", f"{DIGEST}.bin"])
def test_a_changed_export_is_seen(export, store, name):
    done = export()
    path = done.folder / name
    path.write_bytes(path.read_bytes().replace(b"2026-11-23", b"2026-11-22"))

    with pytest.raises(Unreadable):
        verify_export(done.folder, public_key=public(store))


def test_half_an_export_is_seen(export, store):
    done = export()
    (done.folder / f"{DIGEST}.bin").unlink()

    with pytest.raises(Unreadable, match="no whole export"):
        verify_export(done.folder, public_key=public(store))


def test_every_export_is_a_row(export, tmp_path):
    export()
    export(out=tmp_path / "again")

    rows = register.rows(action="office:evidence:export")
    assert [(row.actor, row.facts["digest"], row.facts["why"]) for row in rows] == [
        ("anna", DIGEST, "request of the court, 17/26")
    ] * 2


@pytest.mark.parametrize(
    ("words", "fault", "said"),
    [
        ({"why": " "}, Unusable, "needs a reason"),
        ({"named": "ab" * 32}, NotFound, "no evidence has the digest"),
        ({"named": "ab" * 16}, NotFound, "no evidence and no report begins with"),
        ({"named": "x"}, Unusable, "is no name of evidence"),
    ],
)
def test_what_cannot_be_exported_is_refused(export, words, fault, said):
    with pytest.raises(fault, match=said):
        export(**words)


def test_an_export_overwrites_none(export):
    export()

    with pytest.raises(Unusable, match="is there already"):
        export()


def test_erased_evidence_cannot_be_exported(export, store, at):
    evidence.forget(DIGEST, at=at, why="w", by="b", store_folder=store.path)

    with pytest.raises(Refused, match="is not stored; its digest and size remain"):
        export()


def test_a_custody_file_is_json_that_anyone_reads(export):
    whole = json.loads((export().folder / "custody.json").read_bytes())

    assert sorted(whole) == ["custody", "signature"]


# ── holds ────────────────────────────────────────────────────────────────────────────────


def test_the_same_hold_again_renews_it(kept, at):
    holds.add(DIGEST, until=at + DAY, at=at, **COURT)
    holds.add(DIGEST, until=at + 9 * DAY, at=at, **COURT)

    assert [row.hold_until for row in holds.all_holds()] == [at + 9 * DAY]
    assert register.rows(action="office:evidence:hold").count() == 2


def test_one_authority_does_not_end_the_hold_of_another(kept, at):
    holds.add(DIGEST, until=None, at=at, **COURT)

    with pytest.raises(Refused, match=r"is held already by Court of Ghent \(17/26\)"):
        holds.add(DIGEST, until=None, at=at, **{**COURT, "authority": "Prosecutor"})


def test_a_hold_past_its_end_is_due_and_another_may_follow(kept, at):
    holds.add(DIGEST, until=at + DAY, at=at, **COURT)
    later = at + 2 * DAY

    assert [holds.is_due(row, at=at) for row in holds.all_holds()] == [False]
    assert [holds.is_due(row, at=later) for row in holds.all_holds()] == [True]
    holds.add(DIGEST, until=None, at=later, **{**COURT, "authority": "Prosecutor"})


def test_a_lifted_hold_leaves_a_row_and_no_protection(kept, store, at):
    holds.add(DIGEST, until=None, at=at, **COURT)
    holds.lift(DIGEST, why="case closed", by="ben", at=at)

    row = register.rows(action="office:evidence:lift").get()
    assert (row.actor, row.facts["authority"], row.facts["why"]) == (
        "ben",
        "Court of Ghent",
        "case closed",
    )
    assert evidence.forget(DIGEST, at=at, why="w", by="b", store_folder=store.path).key == b""


def test_what_is_under_no_hold_cannot_be_lifted(kept, at):
    with pytest.raises(Refused, match="is under no hold"):
        holds.lift(DIGEST, why="w", by="b", at=at)


def test_what_is_gone_cannot_be_held(kept, store, at):
    evidence.forget(DIGEST, at=at, why="w", by="b", store_folder=store.path)

    with pytest.raises(Refused, match="not stored any more"):
        holds.add(DIGEST, until=None, at=at, **COURT)
