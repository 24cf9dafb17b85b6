"""What one `[[party]]` of parties.toml says, checked and in one spelling."""

from dataclasses import dataclass

from tocsin.flow.remits import Agreement, Recipient, Remit


@dataclass(frozen=True, order=True)
class ContactLine:
    """One `[[party.contact]]`."""

    kind: str
    value: str
    purpose: str = ""
    languages: tuple[str, ...] = ()
    hours: str = ""


@dataclass(frozen=True)
class Entry:
    """One `[[party]]`; the tuples are sorted, so that equal entries compare equal."""

    recipient: Recipient
    language: str = "en"
    member: bool = True
    address: str = ""
    interval: str = "each"
    key: str = ""  # an armoured OpenPGP public key
    contacts: tuple[ContactLine, ...] = ()
    remits: tuple[Remit, ...] = ()
    agreements: tuple[Agreement, ...] = ()


def in_order(remits: list[Remit]) -> tuple[Remit, ...]:
    """Remits without repeats in a fixed order; an address said to be shared is shared."""
    once: dict[tuple[str, str, str], Remit] = {}
    for remit in sorted(remits, key=lambda remit: remit.shared):
        once[remit.relation, remit.kind, remit.value] = remit
    return tuple(once[key] for key in sorted(once))
