"""Evidence: exact bytes once, sealed, and gone when they must go."""

import hashlib
import io
import resource
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.office import evidence, register, sealed_file
from tocsin.office.models import Evidence
from tocsin.words.errors import NotFound, OutOfSpace, Refused, Unreadable

pytestmark = pytest.mark.django_db(transaction=True)

REPORT = b'"timestamp","ip"\n"2026-11-23 09:00:00","192.0.2.7"\n'
SECRET = b"192.0.2.7"
DIGEST = hashlib.sha256(REPORT).hexdigest()
DAYS = timedelta(days=90)


@pytest.fixture
def kept(store, at) -> Any:
    """Keeps bytes as a machine report, or as another class."""

    def keep(data: bytes = REPORT, evidence_class: str = "machine-report", **words) -> Evidence:
        return evidence.keep(
            io.BytesIO(data),
            evidence_class=evidence_class,
            media_type="text/csv",
            store_folder=store.path,
            **{"at": at, "keep_for": DAYS, **words},
        )

    return keep


def files(store) -> list[str]:
    return sorted(str(p.relative_to(store.path)) for p in store.evidence.rglob("*") if p.is_file())


def back(store, digest: str = DIGEST) -> bytes:
    return b"".join(evidence.read(digest, store_folder=store.path))


def test_the_exact_bytes_come_back(kept, store) -> None:
    kept()

    assert back(store) == REPORT


def test_a_file_is_kept_as_its_bytes_are(tmp_path, store, at) -> None:
    report = tmp_path / "report.csv"
    report.write_bytes(REPORT)
    words = {"evidence_class": "machine-report", "media_type": "text/csv", "at": at}
    row = evidence.keep(report, keep_for=DAYS, store_folder=store.path, **words)

    assert (row.digest, row.size, row.keep_until) == (DIGEST, len(REPORT), at + DAYS)
    assert row.stored_size == (store.path / files(store)[0]).stat().st_size


def test_a_missing_file_is_said_to_be_missing(tmp_path, store, at) -> None:
    words = {"evidence_class": "machine-report", "media_type": "text/csv", "at": at}
    with pytest.raises(NotFound, match="there is no file"):
        evidence.keep(tmp_path / "no", keep_for=DAYS, store_folder=store.path, **words)


def test_nothing_of_the_report_can_be_read_in_the_store(kept, store) -> None:
    kept(REPORT * 5)

    assert [name for name in files(store) if SECRET in (store.path / name).read_bytes()] == []


def test_the_same_bytes_twice_are_one_row_and_one_file_kept_for_the_longer_span(
    kept, store, at
) -> None:
    kept(keep_for=timedelta(days=200))
    kept(at=at + timedelta(days=10))

    assert [row.keep_until for row in Evidence.objects.all()] == [at + timedelta(days=200)]
    assert files(store) == [f"evidence/{DIGEST[:2]}/{DIGEST}.zst.aes"]
    assert back(store) == REPORT


def test_every_file_has_a_key_of_its_own(kept) -> None:
    keys = {kept(data).key for data in (b"one", b"two", b"three")}

    assert {len(key) for key in keys} == {32}
    assert len(keys) == 3


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 17])
def test_sizes_around_a_frame_come_back(size) -> None:
    text = hashlib.shake_256(b"does not compress").digest(size)
    sealed = io.BytesIO()
    what = sealed_file.seal(io.BytesIO(text), sealed, key=bytes(32))
    sealed.seek(0)

    assert b"".join(sealed_file.unseal(sealed, key=bytes(32), digest=what.digest)) == text
    assert what.stored_size == len(sealed.getvalue())


def sealed_noise() -> tuple[bytes, str]:
    """Four frames of sealed bytes and their digest."""
    text = hashlib.shake_256(b"noise").digest(3 * 2**20 + 2**19)
    sealed = io.BytesIO()
    what = sealed_file.seal(io.BytesIO(text), sealed, key=bytes(32))
    return sealed.getvalue(), what.digest


NOISE, NOISE_DIGEST = sealed_noise()
FRAME = 2**20 + 16
FIRST, SECOND = NOISE[21 : 21 + FRAME], NOISE[21 + FRAME : 21 + 2 * FRAME]

CHANGES = {
    "cut off at a frame": NOISE[: 21 + 3 * FRAME],
    "cut off in a frame": NOISE[:-1],
    "longer": NOISE + b"x",
    "frames exchanged": NOISE[:21] + SECOND + FIRST + NOISE[21 + 2 * FRAME :],
    "a frame repeated": NOISE[: 21 + FRAME] + FIRST + NOISE[21 + FRAME :],
    "a frame left out": NOISE[: 21 + FRAME] + NOISE[21 + 2 * FRAME :],
    "header alone": NOISE[:21],
    "half a header": NOISE[:9],
    "nothing": b"",
    "another version": NOISE[:8] + b"\x02" + NOISE[9:],
    "another frame size": NOISE[:10] + (2**19).to_bytes(4, "big") + NOISE[14:],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_unreadable(change) -> None:
    with pytest.raises(Unreadable):
        b"".join(
            sealed_file.unseal(io.BytesIO(CHANGES[change]), key=bytes(32), digest=NOISE_DIGEST)
        )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, len(NOISE) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_is_unreadable(place, bit) -> None:
    changed = bytearray(NOISE)
    changed[place] ^= 1 << bit

    with pytest.raises(Unreadable):
        for _ in sealed_file.unseal(io.BytesIO(changed), key=bytes(32), digest=NOISE_DIGEST):
            pass


def test_a_file_of_the_wrong_key_is_unreadable(kept, store) -> None:
    kept()
    Evidence.objects.update(key=bytes(32))

    with pytest.raises(Unreadable, match="was changed or cut off after it was sealed"):
        back(store)


def test_a_file_that_is_gone_is_unreadable_and_mended_by_the_same_bytes(kept, store) -> None:
    kept()
    (store.path / files(store)[0]).unlink()
    with pytest.raises(Unreadable, match="is gone"):
        back(store)
    kept()

    assert back(store) == REPORT


def test_a_highly_packed_report_is_read_in_small_pieces(kept, store) -> None:
    row = kept(bytes(64 * 2**20))

    pieces = {len(piece) for piece in evidence.read(row.digest, store_folder=store.path)}
    assert max(pieces) <= 2**20


def test_forgetting_leaves_digest_size_and_a_register_row_and_nothing_else(kept, store, at) -> None:
    kept()
    row = evidence.forget(DIGEST, at=at, why="erasure request", by="ada", store_folder=store.path)

    assert (row.digest, row.size, row.key, row.erased_at) == (DIGEST, len(REPORT), b"", at)
    assert files(store) == []
    assert [(r.action, r.actor, r.facts) for r in register.rows()] == [
        (
            "office:evidence:forget",
            "ada",
            {
                "digest": DIGEST,
                "evidence_class": "machine-report",
                "size": len(REPORT),
                "why": "erasure request",
            },
        )
    ]
    with pytest.raises(Refused, match="was erased on 2026-11-23T09:00:00Z"):
        back(store)


def test_forgetting_twice_is_one_act(kept, store, at) -> None:
    kept()
    for _ in range(2):
        evidence.forget(DIGEST, at=at, why="retention", by="ada", store_folder=store.path)

    assert register.rows().count() == 1


def test_bytes_that_come_again_after_erasure_are_kept_under_a_new_key(kept, store, at) -> None:
    first = kept().key
    evidence.forget(DIGEST, at=at, why="retention", by="ada", store_folder=store.path)
    second = kept().key

    assert back(store) == REPORT
    assert first != second


def test_a_legal_hold_stands_above_erasure_and_retention(kept, store, at) -> None:
    kept()
    hold = {"authority": "Court of Sample", "reference": "1/26", "until": None}
    evidence.hold(DIGEST, **hold, at=at, by="ada")
    late = at + timedelta(days=1000)

    with pytest.raises(Refused, match=r"legal hold of Court of Sample \(1/26\) until it is lifted"):
        evidence.forget(DIGEST, at=late, why="request", by="ada", store_folder=store.path)
    assert evidence.forget_expired(at=late, by="ada", store_folder=store.path) == 0
    assert back(store) == REPORT


def test_an_ended_hold_lets_retention_through(kept, store, at) -> None:
    kept()
    hold = {"authority": "Court of Sample", "reference": "1/26", "until": at + DAYS}
    evidence.hold(DIGEST, **hold, at=at, by="ada")

    assert evidence.forget_expired(at=at + DAYS, by="ada", store_folder=store.path) == 1
    assert files(store) == []


def test_prohibited_material_is_never_stored(kept, store, at) -> None:
    row = kept(b"never to be seen", "prohibited")
    again = kept(b"never to be seen")

    assert (row.size, row.stored_size, row.key) == (16, 0, b"")
    assert again.pk == row.pk
    assert files(store) == []
    with pytest.raises(Refused, match="of a class that is never stored"):
        evidence.read(row.digest, store_folder=store.path)
    assert list(evidence.expired(at=at + 2 * DAYS)) == []


def test_what_is_stored_cannot_be_called_prohibited_while_it_is_there(kept, store) -> None:
    kept()

    with pytest.raises(Refused, match="Possible: forget it first"):
        kept(evidence_class="prohibited")


def test_a_stream_that_breaks_leaves_nothing_behind(store, at) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise ConnectionResetError("the line went dead")

    words = {"evidence_class": "machine-report", "media_type": "text/csv", "at": at}
    with pytest.raises(ConnectionResetError):
        evidence.keep(Broken(), keep_for=DAYS, store_folder=store.path, **words)
    assert (files(store), Evidence.objects.count()) == ([], 0)


def test_a_full_disk_keeps_nothing_and_says_so(kept, store) -> None:
    """A limit on file size stands in for the disk."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, most))
    try:
        with pytest.raises(OutOfSpace, match=r"nothing was kept\. Possible: make room"):
            kept(hashlib.shake_256(b"does not compress").digest(3 * 2**20))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    assert (files(store), Evidence.objects.count()) == ([], 0)


def test_the_same_bytes_from_several_sides_at_once_are_one_row_that_can_be_read(
    kept, store
) -> None:
    def work() -> None:
        try:
            kept()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert Evidence.objects.count() == 1
    assert files(store) == [f"evidence/{DIGEST[:2]}/{DIGEST}.zst.aes"]
    assert back(store) == REPORT


def test_an_unknown_digest_is_not_found(store: Path) -> None:
    with pytest.raises(NotFound, match="no evidence has the digest 00"):
        evidence.read("00", store_folder=store.path)
