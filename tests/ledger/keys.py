"""Keys for tests: the same every time, and worth nothing."""

from hashlib import sha256

from tocsin.ledger.keys import Kind, Signer, make_signer

ORIGIN = "log.example/tocsin"


def signer(name: str = ORIGIN, kind: Kind = Kind.ED25519, number: int = 0) -> Signer:
    """A key that follows from its name, kind and number."""
    return make_signer(name, kind, sha256(f"{name} {kind} {number}".encode()).digest())


LOG = signer()
WITNESS = signer("witness.example/one", Kind.COSIGNATURE)
QUANTUM = signer("witness.example/one", Kind.ML_DSA_44)
