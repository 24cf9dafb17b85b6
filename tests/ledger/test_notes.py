"""Signed notes and keys: the published examples, and every way to spoil one."""

from datetime import UTC, datetime
from struct import pack

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.keys import LOG, ORIGIN, QUANTUM, WITNESS, signer
from tocsin.ledger import keys
from tocsin.ledger.checkpoints import Checkpoint, read_body
from tocsin.ledger.keys import Kind, has_ml_dsa, make_signer, read_secret, read_vkey
from tocsin.ledger.merkle import EMPTY, leaf_hash
from tocsin.ledger.notes import Note, Signature, check_note, open_note, read_note, sign, sign_note
from tocsin.words.errors import Unproven, Unreadable, Unusable

# The key pair and the note with which implementations of signed notes are compared.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6K"
    "E6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{LINE}".encode()
# C2SP signed-note (CC BY 4.0), section Format.
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMou\
FSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
""".encode()
# C2SP tlog-cosignature (CC BY 4.0), section Format.
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhc\
yv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX\
3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()
BODY = Checkpoint(ORIGIN, 1, leaf_hash(b"one")).text
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_the_published_note_opens_with_its_key():
    assert open_note(NOTE, [read_vkey(VKEY)])[0] == TEXT


def test_the_published_private_key_makes_the_published_note(at):
    peter = read_secret(SECRET)

    assert peter.verifier.vkey == VKEY
    assert peter.secret == SECRET
    assert sign_note(TEXT, [peter], at=at).data == NOTE


def test_an_empty_line_in_the_text_does_not_end_it():
    note = read_note(POEM)

    assert note.text.endswith("sole:\n\ned è subito sera.\n")
    assert [row.name for row in note.signatures] == ["quasimodo.example/salvatore"]
    assert note.signatures[0].key_id.hex() == "367ba04b"
    assert note.data == POEM


def test_the_published_checkpoint_is_read_with_both_signatures():
    note = read_note(SOFA)
    cosignature = note.signatures[1]

    assert read_body(note.text).size == 20852163
    assert int.from_bytes(cosignature.data[:8]) == 0x641850CB
    assert len(cosignature.data) == 72
    assert note.data == SOFA


@pytest.mark.parametrize("kind", [Kind.COSIGNATURE, Kind.ML_DSA_44])
def test_a_cosignature_says_when(kind, at):
    witness = signer("witness.example/one", kind)
    note = sign_note(BODY, [LOG, witness], at=at)
    moments = {row.verifier: row.at for row in check_note(note, [LOG.verifier, witness.verifier])}

    assert moments == {LOG.verifier: None, witness.verifier: at}


def test_what_ml_dsa_signs_is_the_structure_of_the_specification(at):
    """Put together here by hand, and checked with the bare primitive."""
    data = sign(BODY, QUANTUM, at=at).data
    name, origin = b"witness.example/one", ORIGIN.encode()
    stamp = int(at.timestamp())
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + pack(">Q", stamp)
    message += bytes([len(origin)]) + origin + pack(">QQ", 0, 1) + leaf_hash(b"one")

    assert data[:8] == pack(">Q", stamp)
    public = mldsa.MLDSA44PublicKey.from_public_bytes(QUANTUM.verifier.key)
    public.verify(data[8:], message)


def test_a_build_without_ml_dsa_says_so_and_does_the_rest(monkeypatch, at):
    note = sign_note(BODY, [LOG, QUANTUM], at=at)
    monkeypatch.setattr(keys, "mldsa", None)

    assert not has_ml_dsa()
    assert check_note(note, [LOG.verifier])[0].verifier == LOG.verifier
    with pytest.raises(Unusable, match="has no ML-DSA-44"):
        check_note(note, [QUANTUM.verifier])
    with pytest.raises(Unusable, match="has no ML-DSA-44"):
        signer(kind=Kind.ML_DSA_44, number=2)


def test_unknown_keys_are_ignored_even_under_a_known_name(at):
    other = signer(number=1)
    note = sign_note(BODY, [other, LOG], at=at)

    assert [row.verifier for row in check_note(note, [LOG.verifier])] == [LOG.verifier]


def test_one_signature_of_a_known_key_that_fails_spoils_the_note(at):
    good = sign_note(BODY, [LOG, WITNESS], at=at)
    forged = Signature(WITNESS.name, WITNESS.verifier.key_id, bytes(72))
    note = Note(BODY, (good.signatures[0], forged))

    with pytest.raises(Unproven, match=r"witness\.example/one .* does not hold"):
        check_note(note, [LOG.verifier, WITNESS.verifier])
    with pytest.raises(Unproven, match="does not hold"):
        check_note(Note(BODY, (*good.signatures, forged)), [WITNESS.verifier])


def test_a_note_that_nobody_known_signed_is_refused(at):
    with pytest.raises(Unproven, match=f"no signature by a key.*signed by {ORIGIN}"):
        check_note(sign_note(BODY, [LOG], at=at), [WITNESS.verifier])


def test_a_key_signs_one_kind_of_message_only(at):
    """The same 32 bytes as a plain and as a cosigning key: neither passes for the other."""
    plain = make_signer("one.example", Kind.ED25519, bytes(32))
    timed = make_signer("one.example", Kind.COSIGNATURE, bytes(32))
    assert plain.verifier.key == timed.verifier.key
    assert plain.verifier.key_id != timed.verifier.key_id

    moved = Signature("one.example", timed.verifier.key_id, bytes(8) + plain.sign(BODY, at=at))
    with pytest.raises(Unproven):
        check_note(Note(BODY, (moved,)), [timed.verifier])


def test_sixteen_signatures_of_the_largest_kind_are_read(at):
    many = [signer(f"witness.example/{n}", Kind.ML_DSA_44) for n in range(16)]
    note = sign_note(BODY, many, at=at)

    assert len(check_note(read_note(note.data), [row.verifier for row in many])) == 16


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_seen(place, by):
    data = bytearray(NOTE)
    data[place] ^= by

    with pytest.raises((Unproven, Unreadable)):
        open_note(bytes(data), [read_vkey(VKEY)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        TEXT.encode(),
        f"{TEXT}\n".encode(),
        NOTE[:-1],
        NOTE + b"\n",
        NOTE.replace(b"\n\n", b"\n\r\n"),
        NOTE.replace(b"you", b"yo\x00u"),
        NOTE.replace(b"you", b"yo\xff"),
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b"PeterNeumann ", b"Peter Neumann "),
        NOTE.replace(b"PeterNeumann", "Peter\u00a0Neumann".encode()),
        NOTE.replace(b"PeterNeumann", b"Peter+Neumann"),
        NOTE.replace(b"nAM=", b"nAN="),
        NOTE.replace(b"nAM=", b"nAM"),
        f"{TEXT}\n— PeterNeumann x08gow==\n".encode(),
        f"{TEXT}\n{LINE * 65}".encode(),
        b"\n\n" + LINE.encode(),
        f"{TEXT * 6000}\n{LINE}".encode(),
    ],
)
def test_what_is_no_note_is_unreadable(data):
    with pytest.raises(Unreadable):
        read_note(data)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_unreadable_and_nothing_else(data):
    with pytest.raises(Unreadable):
        read_note(data + b"\x00")


@given(st.text(max_size=120))
def test_hostile_keys_are_unreadable_and_nothing_else(text):
    for read in (read_vkey, read_secret):
        with pytest.raises(Unreadable):
            read(text)
        with pytest.raises(Unreadable):
            read(f"PRIVATE+KEY+{text}")


def test_every_part_of_a_key_counts():
    pieces = [VKEY[a:b] for a in range(len(VKEY)) for b in range(a + 1, len(VKEY) + 1)]
    for text in [*pieces[:-1], VKEY + "=", VKEY.replace("c7", "c8"), VKEY.replace("+AR", "+BR")]:
        if text != VKEY:
            with pytest.raises(Unreadable):
                read_vkey(text)


def test_a_private_key_is_never_shown():
    assert repr(LOG) == "Signer('log.example/tocsin', ED25519)"
    with pytest.raises(Unreadable) as fault:
        read_secret(SECRET[:-4])
    assert SECRET[40:-4] not in str(fault.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "x" * 256, "a\x1bb"])
def test_a_name_that_cannot_be_signed_under(name):
    with pytest.raises(Unusable, match="names no log or witness"):
        make_signer(name, Kind.ED25519, bytes(32))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a\n",
        "a\n1\n",
        "a\n1\nx\n",
        f"a\n01\n{BODY.splitlines()[2]}\n",
        f"a\n-1\n{BODY.splitlines()[2]}\n",
        f"a\n9223372036854775808\n{BODY.splitlines()[2]}\n",
        f"a\n1\n{BODY.splitlines()[2]}",
        f"a\n1\n{BODY.splitlines()[2]}\n\nmore\n",
        f"\n1\n{BODY.splitlines()[2]}\n",
        f"a\n٣\n{BODY.splitlines()[2]}\n",
        f"a\n0\n{BODY.splitlines()[2]}\n",
        f"a\n1\n{BODY.splitlines()[2][:-4]}\n",
    ],
)
def test_what_is_no_checkpoint_is_unreadable(body):
    with pytest.raises(Unreadable):
        read_body(body)


def test_a_checkpoint_is_written_as_it_is_read():
    for found in (Checkpoint("a b c", 0, EMPTY), Checkpoint(ORIGIN, 7, bytes(32), ("x", "y z"))):
        assert read_body(found.text) == found
