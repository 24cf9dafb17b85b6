"""RDAP answers (RFC 9083): IP networks and AS numbers with their abuse contact.

One object, a list of objects, the results of a search (RFC 9910), or one object on each line.
The contact is the `email` in the jCard (RFC 7095) of an entity with the role `abuse`, at any
depth; what the answer itself lists as redacted (RFC 9537) is none.
"""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, BinaryIO

from tocsin.formats.contact import (
    Claim,
    Dated,
    Flaw,
    Found,
    NotUsable,
    Source,
    asn_of,
    country_or_none,
    language_or_none,
    listed,
    one_line,
    prefix_of,
    read_json,
    read_whole,
    shown,
    word,
)
from tocsin.words.errors import Unreadable
from tocsin.words.relations import RemitKind

DEEPEST = 6  # entities within entities
MOST_ASNS = 1000  # that one object may name; a registry's whole block is no holder's
_RESULTS = ("ipSearchResults", "autnumSearchResults")


def read_rdap(stream: BinaryIO, name: str) -> Iterator[Found]:
    """Claims of every object that has an abuse contact; raises `Unreadable`."""
    for line, answer in _answers(read_whole(stream, name), name):
        if not isinstance(answer, dict):
            yield Flaw(name, line, "is no RDAP object")
            continue
        yield from _dates(answer)
        try:
            yield from _claims(answer, name, line)
        except NotUsable as fault:
            yield Flaw(name, line, str(fault))


def _answers(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Objects with the line they begin on; in a list, with their number in it."""
    lines = enumerate(text.split("\n"), start=1)
    filled = [(number, line) for number, line in lines if line.strip()]
    if not filled:
        raise Unreadable(f"{name}, line 1: empty")
    if len(filled) > 1 and all(line.lstrip()[:1] == "{" for _, line in filled[:2]):
        for number, line in filled:
            yield number, _one(line, name, number)
        return
    whole = read_json(text, name)
    yield from enumerate(whole if isinstance(whole, list) else _results(whole), start=1)


def _one(line: str, name: str, number: int) -> Any:
    try:
        return read_json(line, name, line=number)
    except Unreadable:
        return None


def _results(answer: Any) -> list[Any]:
    if not isinstance(answer, dict):
        return [answer]
    found = [answer[key] for key in _RESULTS if isinstance(answer.get(key), list)]
    return [one for part in found for one in part] if found else [answer]


def _claims(answer: dict[str, Any], name: str, line: int) -> Iterator[Claim]:
    if "errorCode" in answer:
        raise NotUsable(f"is an answer with error {shown(word(answer['errorCode']))}")
    kind, values = _values(answer)
    abuse = [entity for entity in _entities(answer, 0) if "abuse" in listed(entity, "roles")]
    emails = tuple(dict.fromkeys(mail for entity in abuse for mail in _emails(entity)))
    if _hides_email(answer):
        raise NotUsable("lists its abuse address as redacted (RFC 9537)")
    if not emails:
        return
    source = Source(
        emails,
        _holder(answer, abuse),
        country_or_none(answer.get("country")),
        language_or_none(answer.get("lang")),
    )
    for value in values:
        yield Claim(kind, value, source, name, line)


def _values(answer: dict[str, Any]) -> tuple[RemitKind, list[str]]:
    kind = answer.get("objectClassName")
    if kind == "ip network":
        first, last = (word(answer.get(key)) for key in ("startAddress", "endAddress"))
        # Some servers write a length behind the start, as RFC 9083 forbids.
        return RemitKind.PREFIX, [prefix_of(f"{first.partition('/')[0]}-{last.partition('/')[0]}")]
    if kind == "autnum":
        first, last = (asn_of(word(answer.get(key))) for key in ("startAutnum", "endAutnum"))
        numbers = range(int(first), int(last) + 1)
        if not 0 < len(numbers) <= MOST_ASNS:
            raise NotUsable(f"AS{first} to AS{last} is no range of 1 to {MOST_ASNS} AS numbers")
        return RemitKind.ASN, [str(number) for number in numbers]
    raise NotUsable(f"is {shown(word(kind))}. Possible: ip network, autnum")


def _entities(holder: dict[str, Any], depth: int) -> Iterator[dict[str, Any]]:
    for entity in listed(holder, "entities"):
        if isinstance(entity, dict) and depth < DEEPEST:
            yield entity
            yield from _entities(entity, depth + 1)


def _properties(entity: dict[str, Any], wanted: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Parameters and value of each property of that name in the jCard."""
    card = entity.get("vcardArray")
    if not (isinstance(card, list) and len(card) == 2 and isinstance(card[1], list)):
        return
    for part in card[1]:
        if isinstance(part, list) and len(part) >= 4 and part[0] == wanted:
            value = part[3]
            if isinstance(value, str):
                yield part[1] if isinstance(part[1], dict) else {}, value


def _emails(entity: dict[str, Any]) -> list[str]:
    """Addresses, the preferred ones first (RFC 6350 5.3: 1 is most preferred)."""

    def preference(found: tuple[dict[str, Any], str]) -> int:
        pref = found[0].get("pref")
        digits = re.fullmatch(r"[0-9]{1,3}", word(pref), re.ASCII)
        return int(digits[0]) if digits else 101

    found = sorted(_properties(entity, "email"), key=preference)
    return [one_line(value, longest=320) for _, value in found if value.strip()]


def _holder(answer: dict[str, Any], abuse: list[dict[str, Any]]) -> str:
    """The registrant's name, or the network's, or that of the abuse desk."""
    holders = [one for one in _entities(answer, 0) if "registrant" in listed(one, "roles")]
    for entity in holders:
        for _, name in _properties(entity, "fn"):
            if one_line(name):
                return one_line(name)
    names = [name for entity in abuse for _, name in _properties(entity, "fn")]
    return one_line(answer.get("name")) or next(filter(None, map(one_line, names)), "")


def _hides_email(answer: dict[str, Any]) -> bool:
    """Whether a redaction concerns the address of the abuse contact.

    The paths are JSONPath expressions; one that names other roles only is about others.
    """
    for part in listed(answer, "redacted"):
        if not isinstance(part, dict):
            continue
        paths = [word(part.get(key)) for key in ("prePath", "postPath", "replacementPath")]
        said = part.get("name")
        names = (
            [word(said.get(key)) for key in ("type", "description")]
            if isinstance(said, dict)
            else []
        )
        text = " ".join([*paths, *names]).lower()
        others = re.search(r"registrant|technical|administrative|billing", text)
        if "email" in text and ("abuse" in text or not others):
            return True
    return False


def _dates(answer: dict[str, Any]) -> Iterator[Dated]:
    for event in listed(answer, "events"):
        if not isinstance(event, dict):
            continue
        if event.get("eventAction") == "last update of RDAP database":
            try:
                yield Dated(date.fromisoformat(word(event.get("eventDate"))[:10]))
            except ValueError:
                continue
