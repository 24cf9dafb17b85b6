"""Copies that erasures left of evidence: from digest to digest, as the register links them."""

from tocsin.office import evidence, register
from tocsin.office.models import Evidence


def _links() -> dict[str, str]:
    """Digest of what was erased to digest of the copy that was kept."""
    return {
        str(row.facts["digest"]): str(row.facts["copy"])
        for row in register.rows(action="office:evidence:redact")
        if row.facts.get("copy")
    }


def newest_of(digest: str) -> Evidence:
    """The evidence itself, or the last copy that erasures left of it; raises `NotFound`."""
    copies = _links()
    row, seen = evidence.find(digest), set[str]()
    while not row.key and row.digest in copies and row.digest not in seen:
        seen.add(row.digest)
        row = evidence.find(copies[row.digest])
    return row


def originals_of(digest: str) -> set[str]:
    """Every digest that this one is a copy of, itself among them: reports came as the first."""
    before: dict[str, set[str]] = {}
    for original, copy in _links().items():
        before.setdefault(copy, set()).add(original)
    found, wanted = set[str](), [digest]
    while wanted:
        one = wanted.pop()
        if one not in found:
            found.add(one)
            wanted += before.get(one, ())
    return found
