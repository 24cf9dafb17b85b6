"""The node's keys: made once, for its own user alone, whoever comes first."""

import multiprocessing
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tocsin.office.keys import public_text, secret, signing_key
from tocsin.words.errors import Unusable


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_keys_are_for_the_user_of_the_node_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    secret(folder, "pseudonyms")
    signing_key(folder)

    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "pseudonyms.key": "0o600",
        "manifest-signing.pem": "0o600",
    }
    assert mode(folder) == "0o700"


def test_a_key_is_made_once_and_then_kept(tmp_path: Path) -> None:
    first = (secret(tmp_path, "pseudonyms"), public_text(signing_key(tmp_path)))

    assert (secret(tmp_path, "pseudonyms"), public_text(signing_key(tmp_path))) == first


def test_secrets_are_32_bytes_and_differ_by_name_and_by_node(tmp_path: Path) -> None:
    made = [
        secret(tmp_path / node, name) for node in ("a", "b") for name in ("pseudonyms", "second")
    ]

    assert [len(key) for key in made] == [32, 32, 32, 32]
    assert len(set(made)) == 4


def test_a_public_key_is_64_hexadecimal_digits(tmp_path: Path) -> None:
    assert len(bytes.fromhex(public_text(signing_key(tmp_path)))) == 32


def _make(folder: str) -> tuple[str, str]:
    place = Path(folder)
    return secret(place, "pseudonyms").hex(), public_text(signing_key(place))


def test_two_processes_that_make_a_key_at_once_end_up_with_the_same(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        made = pool.map(_make, [str(tmp_path / "keys")] * 8, chunksize=1)

    assert len(set(made)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [
        "manifest-signing.pem",
        "pseudonyms.key",
    ]


def test_threads_of_one_process_that_make_a_key_at_once_end_up_with_the_same(tmp_path) -> None:
    for number in range(20):
        folder, barrier = tmp_path / str(number), Barrier(4)

        def make(folder: Path = folder, barrier: Barrier = barrier) -> bytes:
            barrier.wait()
            return secret(folder, "pseudonyms")

        with ThreadPoolExecutor(4) as threads:
            made = {future.result() for future in [threads.submit(make) for _ in range(4)]}
        assert len(made) == 1


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    pem = generate_private_key(65537, 2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "manifest-signing.pem").write_bytes(pem)

    with pytest.raises(Unusable, match="holds no Ed25519 key"):
        signing_key(tmp_path)


@pytest.mark.parametrize("left", [b"", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_key_file_that_is_damaged_is_refused_and_not_made_anew(tmp_path: Path, left) -> None:
    path = tmp_path / "manifest-signing.pem"
    path.write_bytes(left)

    with pytest.raises(Unusable, match="Possible: restore it from the key backup"):
        signing_key(tmp_path)
    assert path.read_bytes() == left


def test_a_secret_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pseudonyms.key").write_bytes(b"\0" * 7)

    with pytest.raises(Unusable, match="7 bytes instead of 32"):
        secret(tmp_path, "pseudonyms")
