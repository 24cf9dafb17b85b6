"""Files of a registry to parties as they shall stand in the database: one for each mailbox.

Whoever reads a mailbox is told once, however many networks lead to it; so a party is a mailbox
of a source, called by the name that most of its entries give.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tocsin.flow.progress import Progress, counted, unseen
from tocsin.formats.contact import Claim, Flaw, Found
from tocsin.formats.contacts_csv import read_contacts_csv
from tocsin.formats.packing import unpack
from tocsin.formats.rdap import read_rdap
from tocsin.formats.rpsl import read_rpsl
from tocsin.formats.security_txt import read_security_txt
from tocsin.formats.trusted_introducer import read_trusted_introducer
from tocsin.office.contacts.nesting import without_repeats
from tocsin.rules.contacts import why_no_contact
from tocsin.words.errors import NotFound, Unreadable, Unusable
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation
from tocsin.words.roles import Role

REGISTRIES = ("ripe", "apnic", "afrinic")
KINDS = (*REGISTRIES, "rdap", "ti", "csv", "security.txt")
MOST_SHOWN = 1000  # flaws and placeholders that are kept one by one; the rest is counted

# What a party is that answers for this, where its source does not say; the first one counts.
_ROLES = (
    (Relation.CSIRT, Role.CSIRT),
    (Relation.NETWORK, Role.ISP),
    (Relation.REGISTRY, Role.REGISTRY),
    (Relation.PLATFORM, Role.PLATFORM),
)

RemitKey = tuple[str, str, str]  # kind, value, relation


@dataclass
class Mailbox:
    """What a source says about whoever reads one mailbox."""

    emails: dict[str, None] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    keys: dict[str, None] = field(default_factory=dict)
    roles: set[Role] = field(default_factory=set)
    remits: set[RemitKey] = field(default_factory=set)

    def add(self, claim: Claim, emails: tuple[str, ...]) -> None:
        """One more value that leads here."""
        said = claim.source
        self.emails.update(dict.fromkeys(emails))
        self.keys.update(dict.fromkeys(said.keys))
        self.names[said.name] += 1
        self.countries[said.country] += 1
        self.languages[said.language] += 1
        if said.role:
            self.roles.add(said.role)
        self.remits.add((claim.kind.value, claim.value, claim.relation.value))

    @property
    def role(self) -> Role:
        """What the source says it is, or what it answers for makes it."""
        relations = {relation for _, _, relation in self.remits}
        of_remits = [role for relation, role in _ROLES if relation.value in relations]
        return min(self.roles, default=None) or of_remits[0]


@dataclass
class Gathered:
    """Everything one import says. `mailboxes`: address in lower case to what is said of it."""

    kind: str
    on: date
    digests: dict[str, str]  # file name to SHA-256
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    nested: int = 0  # networks that lie within one of the same mailbox and say nothing new
    placeholders: Counter[tuple[str, str]] = field(default_factory=Counter)  # address and why
    flaws: list[Flaw] = field(default_factory=list)
    flawed: int = 0

    @property
    def remits(self) -> int:
        return sum(len(mailbox.remits) for mailbox in self.mailboxes.values())


def gather(
    kind: str,
    files: list[Path],
    *,
    at: datetime,
    on: date | None = None,
    domain: str = "",
    progress: Progress = unseen,
) -> Gathered:
    """Read the files of one source together.

    `on` is the day of the files where they do not say it; `domain` that of a security.txt
    without Canonical. Raises `Unusable` (no day, an unknown kind), `NotFound`, `Unreadable`.
    """
    if kind not in KINDS:
        raise Unusable(f"{kind!r} is no source of contacts. Possible: {', '.join(KINDS)}")
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise NotFound(f"no such file: {', '.join(missing)}")
    gathered = Gathered(kind, on or date.min, {file.name: _digest(file) for file in files})
    usable: dict[tuple[str, ...], tuple[str, ...]] = {}
    for found in counted(_read(kind, files, at=at, domain=domain), progress, "reading"):
        if isinstance(found, Claim):
            _add(gathered, found, usable)
        elif isinstance(found, Flaw):
            gathered.flawed += 1
            gathered.flaws += [found] if len(gathered.flaws) < MOST_SHOWN else []
        elif on is None:
            gathered.on = max(gathered.on, found.on)
    _check_day(gathered, at)
    progress("putting networks together", 0)
    gathered.nested = without_repeats(gathered.mailboxes)
    return gathered


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_day(gathered: Gathered, at: datetime) -> None:
    if gathered.on == date.min:
        raise Unusable(
            f"{', '.join(gathered.digests)}: nothing in it says of which day it is. "
            "Possible: --date 2026-06-17, the day on which it was made"
        )
    if gathered.on > as_utc(at).date():
        raise Unusable(f"{gathered.on.isoformat()} has not come yet. Possible: the day of the file")


def _read(kind: str, files: list[Path], *, at: datetime, domain: str) -> Iterator[Found]:
    if kind in REGISTRIES:
        return read_rpsl(partial(_opened, files), registry=kind)
    return _one_by_one(kind, files, at=at, domain=domain)


def _one_by_one(kind: str, files: list[Path], *, at: datetime, domain: str) -> Iterator[Found]:
    for name, stream in _opened(files):
        if kind == "rdap":
            yield from read_rdap(stream, name)
        elif kind == "ti":
            yield from read_trusted_introducer(stream, name)
        elif kind == "csv":
            yield from read_contacts_csv(stream, name)
        else:
            yield from read_security_txt(stream, name, at=as_utc(at), domain=domain)


def _opened(files: Iterable[Path]) -> Iterator[tuple[str, BinaryIO]]:
    for file in files:
        try:
            yield from unpack(file)
        except PermissionError:
            raise Unreadable(f"{file}: this user may not read it") from None


def _add(gathered: Gathered, claim: Claim, usable: dict[tuple[str, ...], tuple[str, ...]]) -> None:
    said = claim.source.emails
    if said not in usable:
        usable[said] = _usable(said, gathered)
    emails = usable[said]
    if emails:
        gathered.mailboxes.setdefault(emails[0].lower(), Mailbox()).add(claim, emails)


def _usable(said: tuple[str, ...], gathered: Gathered) -> tuple[str, ...]:
    emails = []
    for email in said:
        why = why_no_contact(email)
        if not why:
            emails.append(email)
        else:
            gathered.placeholders[email, why] += 1
    return tuple(emails)


def commonest(counted: Counter[str]) -> str:
    """What most entries say, of those that say something; ties by the alphabet."""
    said = [(-count, text) for text, count in counted.items() if text]
    return min(said)[1] if said else ""
