"""The words of a digest: what was seen, why this party is told, what can be told from it, how to
answer. A party whose language has no complete catalogue is written to in English.
"""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tocsin.flow.tables import Fault
from tocsin.office import sentences
from tocsin.office.models import Delivery
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation

WIDTH = 76
MOST_FAMILIES = 8
MOST_REASONS = 4
MOST_READ = 64 * 1024 * 1024  # larger files are told of by class only

# A host name with its dots; a filter on the way must not take ours for a phisher's message.
_DOT = re.compile(r"(?<=\w)\.(?=[A-Za-z])")
_CLASS = "classification.type"
_BECAUSE = "extra.because"


@dataclass(frozen=True)
class Words:
    """The sentences of one language; what is in braces is filled in."""

    greeting: str
    seen: str
    period: str
    as_: Mapping[str, str]
    no_family: str
    why: str
    attributable: str
    all_attributable: str
    some_not: str
    files: str
    answer: str
    handling: str
    machine: str


def _words() -> Words:
    """The sentences in the language that is spoken."""
    return Words(
        greeting=_(
            "{sender} has security reports that concern {name}. What you may see of them is "
            "attached: rows for your systems, and a signed manifest for each file."
        ),
        seen=_("What was seen"),
        period=_("from {first} to {last} (UTC)"),
        as_={
            Relation.NETWORK: _("as holder of the network"),
            Relation.CSIRT: _("as national CSIRT"),
            Relation.REGISTRY: _("as registry of the domain"),
            Relation.PLATFORM: _("as platform"),
            Relation.BRAND: _("as the brand that is imitated"),
            Relation.REPORTER: _("as sender of the report"),
            Relation.LAW_ENFORCEMENT: _("under your agreement: figures only"),
            Relation.COORDINATOR: _("under your agreement: figures only"),
        },
        no_family=_("no family named"),
        why=_("Why you"),
        attributable=_("How far it can be told whose it was"),
        all_attributable=_(
            "Every row has what is needed to find the line: address, moment and, where the address "
            "is shared, a source port."
        ),
        some_not=_(
            "{count} of {rows} rows cannot be tied to one line: the address is shared and no "
            'source port was reported. They begin with "no" in extra.attributable.'
        ),
        files=_("The files"),
        answer=_(
            "How to answer. Reply to this message and leave [Tocsin {ticket}] in the subject. "
            "Quote event_hash for single rows: acted on, clean again, not yours, or wrong. A wrong "
            "address or another format: say so too."
        ),
        handling=_(
            "Marked {tlp}. Who may see it beyond you is said by the Traffic Light Protocol 2.0 "
            "(https://www.first.org/tlp/)."
        ),
        machine=_(
            "This message was made by a machine. It accuses nobody: systems in these reports are "
            "mostly those of victims."
        ),
    )


@dataclass(frozen=True)
class Said:
    """Subject, text and the language they are in."""

    subject: str
    text: str
    language: str


@dataclass
class Seen:
    """What one delivery holds."""

    delivery: Delivery
    facts: Mapping[str, Any]
    families: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    unattributable: int = 0

    @property
    def classes(self) -> dict[str, int]:
        """Events per class, by the manifest."""
        counted = self.facts.get("classes", {})
        return {str(kind): int(count) for kind, count in counted.items()}

    @property
    def events(self) -> int:
        """All events told of."""
        return int(self.facts.get("events", self.delivery.rows))


def digest(group: Sequence[Delivery], *, store_folder: Path) -> Said:
    """The digest of deliveries that travel together; the same ones give the same text."""
    seen = [_look(delivery, store_folder) for delivery in group]
    events, name = sum(one.events for one in seen), group[0].party.name
    with sentences.speaking(group[0].party.language) as language:
        subject = ngettext("%(n)s event for %(name)s", "%(n)s events for %(name)s", events)
        text = "\n\n".join(_paragraphs(_words(), seen, group[0])) + "\n"
        return Said(subject % {"n": _number(events), "name": name}, text, language)


def _number(count: int) -> str:
    return number_format(count, force_grouping=True)


# ── reading what is sent ─────────────────────────────────────────────────────────────────


def _look(delivery: Delivery, store_folder: Path) -> Seen:
    """What manifest and rows say; a file that cannot be read is told of by what is on record."""
    try:
        facts = json.loads((store_folder / delivery.manifest_path).read_bytes())["manifest"]
    except (OSError, ValueError, KeyError, TypeError):
        facts = {}
    seen = Seen(delivery, facts)
    for table in _tables(delivery, store_folder):
        _count(seen, table)
    because = facts.get("to", {}).get("because")
    if because and not seen.reasons:  # XARF has no column for it that is read back
        seen.reasons[str(because)] += seen.events
    return seen


def _tables(delivery: Delivery, store_folder: Path) -> Iterator[pl.DataFrame]:
    from tocsin.formats.catalogue import FORMATS  # noqa: PLC0415  brings Polars' readers

    fmt = FORMATS.get(delivery.format)
    if fmt is None or fmt.cut is None or fmt.parse is None or delivery.size > MOST_READ:
        return
    path = store_folder / delivery.path
    try:
        with path.open("rb") as file:
            for chunk in fmt.cut(file, path.name):
                if not isinstance(chunk, Fault):
                    yield fmt.parse(chunk).table
    except Exception:
        return


def _count(seen: Seen, table: pl.DataFrame) -> None:
    there = set(table.columns)
    if _CLASS in there:
        events = pl.col("extra.events").cast(pl.Int64) if "extra.events" in there else pl.lit(1)
        names = [name for name in ("malware.name", "classification.identifier") if name in there]
        family = pl.coalesce([*names, pl.lit("")]).fill_null("")
        counted = table.select(pl.col(_CLASS), family.alias("family"), events.alias("n"))
        for kind, name, count in counted.group_by(_CLASS, "family").agg(pl.col("n").sum()).rows():
            seen.families.setdefault(kind or "", Counter())[name] += count or 0
    if _BECAUSE in there:
        for because, count in table[_BECAUSE].drop_nulls().value_counts().rows():
            seen.reasons[because] += count
    if "extra.attributable" in there:
        text = table["extra.attributable"].fill_null("")
        seen.unattributable += int(text.str.starts_with("no").sum())


# ── writing ──────────────────────────────────────────────────────────────────────────────


def _paragraphs(words: Words, seen: list[Seen], first: Delivery) -> Iterator[str]:
    party = first.party
    sender = _plain(str(seen[0].facts.get("from", "tocsin")))
    sender = sender[:1].upper() + sender[1:]  # a name of its own keeps its capitals
    yield _wrapped(words.greeting.format(sender=sender, name=_plain(party.name)))
    yield "\n".join([words.seen, *(line for one in seen for line in _seen_lines(words, one))])
    if reasons := sum((one.reasons for one in seen), Counter()):
        yield "\n".join([words.why, *_reason_lines(reasons)])
    if any(Relation(one.delivery.relation) == Relation.NETWORK for one in seen):
        yield f"{words.attributable}\n{_wrapped(_attributable(words, seen), '  ')}"
    yield "\n".join([words.files, *(line for one in seen for line in _file_lines(one))])
    yield _wrapped(words.answer.format(ticket=first.ticket))
    tlps = sorted({one.delivery.tlp for one in seen})
    yield _wrapped(words.handling.format(tlp=", ".join(tlps)))
    yield _wrapped(words.machine)


def _seen_lines(words: Words, one: Seen) -> Iterator[str]:
    period = ""
    if one.delivery.first_at and one.delivery.last_at:
        span = (
            f"{as_utc(m):%Y-%m-%d %H:%M}" for m in (one.delivery.first_at, one.delivery.last_at)
        )
        period = ", " + words.period.format(**dict(zip(("first", "last"), span, strict=True)))
    yield _wrapped(f"{words.as_.get(one.delivery.relation, one.delivery.relation)}{period}", "  ")
    for kind, count in sorted(one.classes.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {_number(count):>9}  {kind}"
        yield from _family_lines(words, one.families.get(kind, Counter()))


def _family_lines(words: Words, families: Counter[str]) -> Iterator[str]:
    if not any(families):
        return
    ordered = sorted(families.items(), key=lambda item: (-item[1], item[0]))
    for name, count in ordered[:MOST_FAMILIES]:
        yield f"    {_number(count):>11}  {_plain(name) or words.no_family}"
    if len(ordered) > MOST_FAMILIES:
        rest = len(ordered) - MOST_FAMILIES
        more = ngettext("%(n)s more family", "%(n)s more families", rest) % {"n": rest}
        yield f"    {'':>11}  {more}"


def _reason_lines(reasons: Counter[str]) -> Iterator[str]:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    for because, count in ordered[:MOST_REASONS]:
        reason = sentences.said(_plain(because))
        yield _wrapped(f"{_DOT.sub('[.]', reason)} ({_number(count)})", "  ")
    if len(ordered) > MOST_REASONS:
        rest = len(ordered) - MOST_REASONS
        more = ngettext(
            "and %(n)s more; every row says its own in extra.because",
            "and %(n)s more; every row says its own in extra.because",
            rest,
        )
        yield _wrapped(more % {"n": rest}, "  ")


def _attributable(words: Words, seen: list[Seen]) -> str:
    unattributable = sum(one.unattributable for one in seen)
    if not unattributable:
        return words.all_attributable
    rows = sum(one.delivery.rows for one in seen)
    return words.some_not.format(count=_number(unattributable), rows=_number(rows))


def _file_lines(one: Seen) -> Iterator[str]:
    yield f"  {Path(one.delivery.path).name}"
    yield f"    SHA-256 {one.delivery.digest}"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain(text: str) -> str:
    """What came out of a report, on one line and without what could steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]
