"""parties.toml to entries: strict, and every problem in one message."""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tocsin.channels.catalogue import CHANNELS
from tocsin.channels.openpgp import check_key
from tocsin.flow.remits import Agreement, Recipient, Remit
from tocsin.office.digests import INTERVALS
from tocsin.office.parties import values
from tocsin.office.parties.entry import ContactLine, Entry, in_order
from tocsin.words.errors import Unusable
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

MOST_LINES = 20
_MISSING = object()

Check = Callable[[Any], Any]

_REMIT_VALUES: dict[RemitKind, Check] = {
    RemitKind.ASN: values.asn,
    RemitKind.PREFIX: values.prefix,
    RemitKind.COUNTRY: values.country,
    RemitKind.DOMAIN: values.domain,
    RemitKind.TLD: values.tld,
    RemitKind.BRAND: values.text,
    RemitKind.EVERYTHING: values.text,
}


@dataclass
class _Problems:
    """What was wrong, where; a table is read to its end in spite of it."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        self.lines.append(f"{where}: {what}")

    def refuse(self) -> None:
        if not self.lines:
            return
        shown = self.lines if len(self.lines) <= MOST_LINES else self.lines[: MOST_LINES - 1]
        rest = len(self.lines) - len(shown)
        raise Unusable("\n".join([*shown, *([f"and {rest} more problems"] if rest else [])]))


@dataclass
class _Table:
    """One TOML table, taken apart key by key; `close` reports the keys nobody took."""

    table: Mapping[str, Any]
    where: str
    problems: _Problems
    taken: list[str] = field(default_factory=list)

    def take(self, key: str, check: Check, default: Any = _MISSING) -> Any:
        """The checked value; after a problem, the default, or None."""
        self.taken.append(key)
        value = self.table.get(key, _MISSING)
        if value is _MISSING:
            if default is _MISSING:
                self.problems.add(f"{self.where}, {key}", "is missing")
                return None
            return default
        return self._checked(key, value, check, None if default is _MISSING else default)

    def take_all(self, key: str, check: Check) -> tuple[Any, ...]:
        """A list of checked values, sorted and without repeats."""
        self.taken.append(key)
        listed = self.table.get(key, [])
        if not isinstance(listed, list):
            self.problems.add(f"{self.where}, {key}", f"{listed!r} is no list. Possible: [...]")
            return ()
        checked = [self._checked(key, value, check, None) for value in listed]
        return tuple(sorted({value for value in checked if value is not None}))

    def tables(self, key: str) -> Iterator["_Table"]:
        """The tables of `[[<key>]]`."""
        self.taken.append(key)
        listed = self.table.get(key, [])
        if not isinstance(listed, list) or not all(isinstance(part, dict) for part in listed):
            self.problems.add(f"{self.where}, {key}", "is no list of tables. Possible: [[…]]")
            return
        for number, part in enumerate(listed, start=1):
            yield _Table(part, f"{self.where}, {key} {number}", self.problems)

    def close(self) -> None:
        for key in self.table:
            if key not in self.taken:
                self.problems.add(
                    f"{self.where}, {key}",
                    f"is unknown. Possible: {', '.join(sorted(self.taken))}",
                )

    def _checked(self, key: str, value: Any, check: Check, default: Any) -> Any:
        try:
            return check(value)
        except Unusable as fault:
            self.problems.add(f"{self.where}, {key}", str(fault))
            return default


def read_parties(text: str, *, folder: Path | None = None) -> list[Entry]:
    """The entries of a party file, in its order; `folder` is where the key files lie it names.

    Raises `Unusable` with one line per problem (at most 20): party, key, rule, what is possible.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        raise Unusable(f"the party file is no TOML: {fault}") from fault
    problems = _Problems()
    top = _Table(document, "party file", problems)
    entries = [
        _entry(_Table(table.table, _named(table, number), problems), folder)
        for number, table in enumerate(top.tables("party"), start=1)
    ]
    top.close()
    _refuse_repeats(entries, problems)
    problems.refuse()
    return entries


def _named(table: _Table, number: int) -> str:
    name = table.table.get("id")
    return f"party {name!r}" if isinstance(name, str) else f"party number {number}"


def _refuse_repeats(entries: list[Entry], problems: _Problems) -> None:
    _once([entry.recipient.party or "" for entry in entries], "party file, id", problems)
    for entry in entries:
        where = f"party {entry.recipient.party!r}"
        contacts = [f"{row.value} {row.purpose}".strip() for row in entry.contacts]
        _once(contacts, f"{where}, contact", problems)
        agreements = [f"{row.relation} {row.reference} {row.since}" for row in entry.agreements]
        _once(agreements, f"{where}, agreement", problems)


def _once(names: list[str], where: str, problems: _Problems) -> None:
    for name, times in sorted(Counter(names).items()):
        if name and times > 1:
            problems.add(where, f"{name!r} stands {times} times, must stand once")


def _entry(table: _Table, folder: Path | None = None) -> Entry:
    party = table.take("id", values.name_id)
    delivery = _delivery(table)
    recipient = Recipient(
        party=party,
        name=table.take("name", values.text),
        role=table.take("role", values.word(Role)),
        country=table.take("country", values.country, ""),
        format=delivery["format"],
        channel=delivery["channel"],
        source=table.take("source", values.source, "manual"),
        as_of=table.take("as_of", values.day, None),
    )
    entry = Entry(
        recipient=recipient,
        language=table.take("language", values.language, "en"),
        member=table.take("member", values.truth, default=True),
        address=delivery["address"],
        interval=delivery["interval"],
        key=table.take("key", _key_check(folder), ""),
        contacts=tuple(sorted(_contacts(table))),
        remits=in_order([row for part in table.tables("remit") for row in _remits(part, party)]),
        agreements=_agreements(table, party),
    )
    table.close()
    return entry


def _delivery(table: _Table) -> dict[str, str]:
    table.taken.append("delivery")
    part = table.table.get("delivery")
    if not isinstance(part, dict):
        table.problems.add(
            f"{table.where}, delivery",
            "is missing. Possible: [party.delivery] with channel and format",
        )
        return {"channel": "", "format": "", "address": "", "interval": "each"}
    inner = _Table(part, f"{table.where}, delivery", table.problems)
    channel = inner.take("channel", values.one_of(CHANNELS))
    taken = {
        "channel": channel,
        "format": inner.take("format", values.one_of(written_formats())),
        "address": inner.take("address", _address_check(channel), ""),
        "interval": inner.take("interval", _interval_check(channel), "each"),
    }
    inner.close()
    return taken


def _address_check(channel: str | None) -> Check:
    def check(value: Any) -> str:
        address = values.text(value, longest=500)
        if channel in CHANNELS:
            CHANNELS[channel].check_address(address)
        return address

    return check


def _interval_check(channel: str | None) -> Check:
    def check(value: Any) -> str:
        interval: str = values.one_of(INTERVALS)(value)
        if interval != "each" and channel in CHANNELS and not CHANNELS[channel].gathers:
            raise Unusable(f"{interval!r} is for mail; over {channel} each delivery goes by itself")
        return interval

    return check


def _key_check(folder: Path | None) -> Check:
    """An armoured OpenPGP key as text, or the name of the file it lies in."""

    def check(value: Any) -> str:
        key = value if isinstance(value, str) else values.text(value)
        if "-----BEGIN" not in key:
            key = _key_file((folder or Path()) / values.text(key, longest=500))
        check_key(key)
        return key.strip() + "\n"

    return check


def _key_file(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise Unusable(f"there is no file {path}. Possible: the armoured key itself") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise Unusable(f"{path} holds no armoured key ({type(fault).__name__})") from fault


def _contacts(table: _Table) -> Iterator[ContactLine]:
    for part in table.tables("contact"):
        kind = part.take("kind", values.one_of(values.CONTACT_KINDS))
        check = _contact_check(kind)
        yield ContactLine(
            kind=kind or "",
            value=part.take("value", check) or "",
            purpose=part.take("purpose", values.purpose, ""),
            languages=part.take_all("languages", values.language),
            hours=part.take("hours", values.text, ""),
        )
        part.close()


def _contact_check(kind: str | None) -> Check:
    return lambda value: values.contact(kind, value) if kind else values.text(value)


def _remits(part: _Table, party: str) -> list[Remit]:
    relation = part.take("relation", values.word(Relation))
    rows = [
        Remit(party, kind, value, relation)
        for kind, check in _REMIT_VALUES.items()
        for value in part.take_all(kind.value, check)
    ]
    shared = part.take_all("shared", values.prefix)
    part.close()
    _check_shared(shared, [row.value for row in rows if row.kind == RemitKind.PREFIX], part)
    if not rows and not shared:
        possible = ", ".join([kind.value for kind in RemitKind] + ["shared"])
        part.problems.add(part.where, f"names nothing. Possible: {possible}")
    shared_rows = [Remit(party, RemitKind.PREFIX, value, relation, shared=True) for value in shared]
    return [*rows, *shared_rows] if relation else []


def _check_shared(shared: tuple[str, ...], prefixes: list[str], part: _Table) -> None:
    """A shared range lies within one prefix or apart from all; a half of it is a slip."""
    for value in shared:
        for prefix in prefixes:
            if _is_cut(values.bounds(value), values.bounds(prefix)):
                part.problems.add(
                    f"{part.where}, shared",
                    f"{value} lies partly outside {prefix}. Possible: a range within it, or apart",
                )


def _is_cut(inner: tuple[int, int, int], outer: tuple[int, int, int]) -> bool:
    is_apart = inner[0] != outer[0] or inner[2] < outer[1] or inner[1] > outer[2]
    return not is_apart and not (outer[1] <= inner[1] and inner[2] <= outer[2])


def _agreements(table: _Table, party: str) -> tuple[Agreement, ...]:
    found = []
    for part in table.tables("agreement"):
        agreement = Agreement(
            party=party,
            relation=part.take("relation", values.word(Relation)),
            classes=part.take_all("classes", values.event_class),
            reference=part.take("reference", values.text),
            basis=part.take("basis", lambda value: values.text(value, longest=300)),
            since=part.take("since", values.day),
            until=part.take("until", values.day, None),
        )
        part.close()
        _check_agreement(agreement, part)
        found.append(agreement)
    found.sort(key=lambda row: (row.relation or "", row.reference or "", str(row.since)))
    return tuple(found)


def _check_agreement(agreement: Agreement, part: _Table) -> None:
    if not part.table.get("classes"):
        part.problems.add(f"{part.where}, classes", 'names no class. Possible: ["*"] for all')
    since: date | None = agreement.since  # None after a problem with it
    if since and agreement.until and agreement.until < since:
        part.problems.add(f"{part.where}, until", f"{agreement.until} is before since = {since}")


def remit_value(kind: RemitKind, text: str) -> str:
    """One value as a page gives it, in the spelling of the file; raises `Unusable`."""
    plain = text.strip()
    if kind is not RemitKind.ASN:
        return str(_REMIT_VALUES[kind](plain))
    digits = plain.upper().removeprefix("AS")
    return values.asn(int(digits) if digits.isascii() and digits.isdigit() else plain)


def written_formats() -> list[str]:
    """Names of the formats in which a delivery can be written."""
    # Only when asked: the formats bring Polars, which web workers do without.
    from tocsin.formats.catalogue import FORMATS  # noqa: PLC0415

    return [name for name, one in FORMATS.items() if one.header and one.body]
