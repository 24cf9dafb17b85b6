"""Policy files: the quorum of the specification's example, and every line that is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.keys import LOG, QUANTUM, WITNESS, signer
from tocsin.ledger.keys import Kind
from tocsin.ledger.policy import read_policy
from tocsin.words.errors import Unreadable

X = [signer(f"x.example/{n}", Kind.COSIGNATURE).verifier for n in range(3)]
Y = [signer(f"y.example/{n}", Kind.ML_DSA_44).verifier for n in range(3)]
# C2SP tlog-policy, Example policy, with keys of ours.
EXAMPLE = "\n".join(
    [
        f"log {LOG.verifier.vkey} https://log.example/tocsin",
        "",
        *(f"witness X{n} {key.vkey}" for n, key in enumerate(X)),
        "group X-witnesses 2 X0 X1 X2",
        "  # the others, of another organisation",
        *(f"\twitness  Y{n}\t{key.vkey} https://y.example/{n} " for n, key in enumerate(Y)),
        "group Y-witnesses any Y0 Y1 Y2",
        "group X-and-Y all X-witnesses Y-witnesses",
        "quorum X-and-Y",
        "",
    ]
)


@pytest.mark.parametrize(
    ("cosigned", "enough"),
    [
        ([], False),
        ([X[0], X[1]], False),
        ([X[0], Y[0]], False),
        ([X[0], X[2], Y[1]], True),
        ([*X, *Y], True),
        ([*Y], False),
    ],
)
def test_the_quorum_of_the_example(cosigned, enough):
    policy = read_policy(EXAMPLE.encode())

    assert policy.is_met(dict.fromkeys(cosigned)) is enough


def test_logs_witnesses_and_their_addresses_are_read():
    policy = read_policy(EXAMPLE.encode())

    assert policy.logs == [LOG.verifier]
    assert list(policy.witnesses.values()) == [*X, *Y]
    assert policy.urls[Y[2]] == "https://y.example/2"
    assert policy.urls[LOG.verifier] == "https://log.example/tocsin"


def test_a_policy_may_ask_for_nobody_or_for_one():
    one = f"witness w {WITNESS.verifier.vkey}\nquorum w"

    assert read_policy(b"quorum none\n").is_met({})
    assert read_policy(one.encode()).is_met({WITNESS.verifier: None})
    assert not read_policy(one.encode()).is_met({QUANTUM.verifier: None})


def test_names_are_octets_and_not_letters():
    """U+212A looks like K, and NFC would make it one (the specification's own example)."""
    other = signer("other.example", Kind.COSIGNATURE).verifier
    lines = [f"witness K {WITNESS.verifier.vkey}", f"witness \u212a {other.vkey}", "quorum K"]

    assert read_policy("\n".join(lines).encode()).is_met({WITNESS.verifier: None})
    assert read_policy(b"# caf\xe9\ngroup\xa0x\n".replace(b"group\xa0x", b"quorum none"))


W = f"witness w {WITNESS.verifier.vkey}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no quorum"),
        ("quorum none\nquorum none", "line 2: there is a quorum already"),
        ("quorum w", "'w' is no witness or group"),
        (f"quorum w\n{W}", "line 1"),
        (f"{W}\n{W}", "line 2: 'w' is a name already"),
        (f"{W}\nwitness v {WITNESS.verifier.vkey}", "stands in it twice"),
        (f"log {LOG.verifier.vkey}\nlog {LOG.verifier.vkey}", "stands in it twice"),
        (f"witness none {WITNESS.verifier.vkey}", "is a name already"),
        (f"witness w {LOG.verifier.vkey}", "cosigning key"),
        (f"{W}\ngroup g 0 w", "'0' of 1 members"),
        (f"{W}\ngroup g 2 w", "'2' of 1 members"),
        (f"{W}\ngroup g some w", "'some' of 1 members"),
        (f"{W}\ngroup g any w w", "counts once"),
        (f"{W}\ngroup g any w\ngroup h any w", "counts once"),
        (f"{W}\ngroup g any g", "no witness or group of a line before"),
        (f"{W}\ngroup g any none", "no witness or group of a line before"),
        ("group g any", "has 2 words behind it"),
        ("log", "has 0 words"),
        ("log x y z", "has 3 words"),
        ("nonsense", "'nonsense' is no line"),
        ("log x", "line 1: no key"),
        ("quorum\u00a0none", "is no line"),
        ("quorum none\r", "control characters"),
        ("quorum none\x1b[31m", "control characters"),
        ("\n" * 5000, "at most"),
    ],
)
def test_a_line_that_is_none_is_named(text, said):
    with pytest.raises(Unreadable, match=said):
        read_policy(text.encode())


@given(st.binary(max_size=200))
def test_hostile_bytes_are_unreadable_and_nothing_else(data):
    said = ""
    try:
        read_policy(data)
    except Unreadable as fault:
        said = str(fault)
    said.encode()  # no octet that is no letter goes on to a terminal
