"""Trusted Introducer's `teams.json`: the CSIRTs that are listed, accredited or certified there.

A list of teams with `official_name`, `short_name`, `country`, `emails` (those for `contact`
first), `pgp_keys` and `constituency`: `types`, `asns`, `ipranges`, `domains` (`*.ac.example`),
`countries`. A team answers for the states it names only where it is of type National; for the
others the list says where they sit. A whole top-level domain is its state's and gives nothing.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

from tocsin.formats.contact import (
    RELATIONS,
    Claim,
    Flaw,
    Found,
    NotUsable,
    Source,
    asn_of,
    country_of,
    country_or_none,
    domain_of,
    fingerprint_or_none,
    listed,
    one_line,
    prefix_of,
    read_json,
    read_whole,
    word,
)
from tocsin.words.errors import Unreadable
from tocsin.words.relations import RemitKind
from tocsin.words.roles import Role

NATIONAL = "National"


def read_trusted_introducer(stream: BinaryIO, name: str) -> Iterator[Found]:
    """Claims of every team; `line` is the number of the team. Raises `Unreadable`."""
    teams = read_json(read_whole(stream, name), name)
    if not isinstance(teams, list):
        raise Unreadable(f"{name}, line 1: is no list of teams. Possible: teams.json")
    for number, team in enumerate(teams, start=1):
        if isinstance(team, dict) and isinstance(team.get("constituency"), dict):
            yield from _team(team, name, number)
        else:
            yield Flaw(name, number, "is no team with a constituency")


def _team(team: dict[str, Any], file: str, number: int) -> Iterator[Found]:
    emails = _emails(team)
    if not emails:
        yield Flaw(file, number, "names no mail address")
        return
    country = team.get("country")
    source = Source(
        emails,
        one_line(team.get("official_name")) or one_line(team.get("short_name")),
        country_or_none(country.get("code")) if isinstance(country, dict) else "",
        keys=_keys(team),
        role=Role.CSIRT,
    )
    for kind, text in _values(team["constituency"]):
        try:
            yield Claim(kind, _READ[kind](text), source, file, number, RELATIONS[kind])
        except NotUsable as fault:
            yield Flaw(file, number, str(fault))


_READ = {
    RemitKind.ASN: asn_of,
    RemitKind.PREFIX: prefix_of,
    RemitKind.DOMAIN: domain_of,
    RemitKind.COUNTRY: country_of,
}


def _values(constituency: dict[str, Any]) -> Iterator[tuple[RemitKind, str]]:
    for value in listed(constituency, "asns"):
        yield RemitKind.ASN, word(value)
    for value in listed(constituency, "ipranges"):
        yield RemitKind.PREFIX, word(value)
    for value in listed(constituency, "domains"):
        name = word(value).strip().removeprefix("*.")
        if "." in name.strip("."):
            yield RemitKind.DOMAIN, name
    if NATIONAL in listed(constituency, "types"):
        for value in listed(constituency, "countries"):
            code = value.get("code") if isinstance(value, dict) else value
            if isinstance(code, str) and not code.isdigit():  # numbers stand for regions
                yield RemitKind.COUNTRY, code


def _emails(team: dict[str, Any]) -> tuple[str, ...]:
    entries = [one for one in listed(team, "emails") if isinstance(one, dict)]
    entries.sort(key=lambda one: "contact" not in listed(one, "usage"))
    found = (one_line(one.get("address"), longest=320) for one in entries)
    return tuple(dict.fromkeys(address for address in found if address))


def _keys(team: dict[str, Any]) -> tuple[str, ...]:
    entries = [one for one in listed(team, "pgp_keys") if isinstance(one, dict)]
    found = (fingerprint_or_none(one.get("fingerprint")) for one in entries)
    return tuple(dict.fromkeys(print_ for print_ in found if print_))
