"""Whether the register is still what was written: every row against its leaf."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tocsin.office.models import RegisterRow
from tocsin.office.register.recording import leaf_of

_BATCH = 2000


@dataclass
class Checked:
    """How many rows fit; the ids of those that do not."""

    fit: int = 0
    erased: int = 0
    unsealed: int = 0
    changed: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def check_rows() -> Checked:
    """Read every row and make its leaf anew."""
    found = Checked()
    for row in RegisterRow.objects.order_by("pk").iterator(chunk_size=_BATCH):
        if not row.leaf:
            found.unsealed += 1
        elif not row.leaf_key and row.erased_at:
            found.erased += 1
        elif row.leaf_key and leaf_of(row) == bytes(row.leaf):
            found.fit += 1
        else:
            found.changed.append(row.uid.hex)
    return found
