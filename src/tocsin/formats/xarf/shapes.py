"""Which fields a XARF report has, type by type, and the rule of each: `fields.tsv`, compiled.

One row per field: the type (`*` stands for all), the path (`!` if required, `[]` for each element
of a list), the rule. A row of a type stands above the same row of all types.
Source: xarf-spec 4.2.0, JSON schemas (MIT).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files

from tocsin.formats.xarf import rules
from tocsin.formats.xarf.rules import Check

Report = dict[str, object]


@dataclass
class _Node:
    rule: str = ""
    required: bool = False
    members: "dict[str, _Node]" = field(default_factory=dict)
    item: "_Node | None" = None


@dataclass(frozen=True)
class Shape:
    """The checks of one type of report, by field, and the fields it must have."""

    fields: dict[str, Check]
    required: tuple[str, ...]
    condition: Callable[[Report], str]


def _load() -> dict[str, dict[str, _Node]]:
    text = files(__package__).joinpath("fields.tsv").read_text(encoding="utf-8")
    types: dict[str, dict[str, _Node]] = {}
    for line in text.splitlines()[1:]:
        kind, path, rule = line.split("\t")
        _place(types.setdefault(kind, {}), path, rule)
    return types


def _place(members: dict[str, _Node], path: str, rule: str) -> None:
    node = _Node()
    for part in path.rstrip("!").split("."):
        name = part.rstrip("[]")
        node = members.setdefault(name, _Node())
        if part.endswith("[]"):
            node.item = node = node.item or _Node()
        members = node.members
    node.rule, node.required = rule, path.endswith("!")


_LIST_BOUND = re.compile(r"at_(least|most) ([0-9]+)")
_PATTERNS: dict[str, Check] = {
    "country": rules.matching("[A-Z]{2}", "a country code of two capital letters"),
    "currency": rules.matching("[A-Z]{3}", "a currency code of three capital letters"),
    "cve": rules.matching("CVE-[0-9]{4}-[0-9]+", "a CVE number, such as CVE-2026-12345"),
    "cve 4": rules.matching("CVE-[0-9]{4}-[0-9]{4,}", "a CVE number, such as CVE-2026-12345"),
    "cvss": rules.matching(r"CVSS:3\.[01]/(?s:.*)", "a CVSS 3.0 or 3.1 vector"),
    "digest": rules.matching("(md5|sha1|sha256):[a-fA-F0-9]+", "a digest, such as sha256:…"),
    "digest sha512": rules.matching(
        "(md5|sha1|sha256|sha512):[a-fA-F0-9]+", "a digest, such as sha256:…"
    ),
    "domain": rules.matching(
        r"(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)+[a-z]{2,}", "a domain name in lower case"
    ),
    "language": rules.matching("[a-z]{2}(-[A-Z]{2})?", "a language, such as en or en-IE"),
    "magnet": rules.matching(r"magnet:\?xt=urn:(?s:.*)", "a magnet link"),
    "tag": rules.matching(
        "[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+-]*", "namespace:word in lower case"
    ),
    "version": rules.matching(r"4\.[0-9]+\.[0-9]+", "a version of XARF 4, such as 4.2.0"),
    "moment": rules.MOMENT,
    "day": rules.DAY,
    "uri": rules.URI,
    "email": rules.EMAIL,
    "host": rules.HOST,
    "uuid": rules.UUID,
    "address": rules.ADDRESS,
    "ipv4": rules.V4,
    "ipv6": rules.V6,
    "port": rules.whole(1, 65535),
    "flag": rules.flag(),
}


def _compile(node: _Node) -> Check:
    word, *rest = node.rule.split()
    if word == "object":
        members = {name: _compile(one) for name, one in node.members.items()}
        needed = [name for name, one in node.members.items() if one.required]
        closed = rest == ["closed"]
        return rules.remembered(rules.record(members, required=needed, closed=closed))
    if word == "list" and node.item is not None:
        bounds = {f"at_{side}": int(n) for side, n in _LIST_BOUND.findall(node.rule)}
        distinct = "distinct" in rest
        return rules.listing(
            _compile(node.item),
            at_least=bounds.get("at_least", 0),
            at_most=bounds.get("at_most"),
            distinct=distinct,
        )
    return _leaf(word, rest, node.rule)


def _leaf(word: str, rest: list[str], rule: str) -> Check:
    if rule in _PATTERNS:
        return _PATTERNS[rule]
    if word == "one":
        return rules.one_of(*rest[1:])
    if word == "hex":
        return rules.matching(rf"[a-fA-F0-9]{{{rest[0]}}}", f"{rest[0]} hexadecimal digits")
    if word == "number":
        return rules.number(*map(float, rest))
    return (rules.text if word == "text" else rules.whole)(*map(int, rest))


# ── what depends on another field ────────────────────────────────────────────────────────


def _free(_report: Report) -> str:
    return ""


def _needs(report: Report, names: tuple[str, ...], why: str) -> str:
    missing = [name for name in names if name not in report]
    return f"{' and '.join(missing)} must be given {why}" if missing else ""


def _smtp(report: Report) -> str:
    if report.get("protocol", "smtp") != "smtp":
        return ""
    return _needs(report, ("smtp_from", "source_port"), "where the protocol is smtp")


def _own_port(report: Report) -> str:
    source = report.get("source_identifier")
    if isinstance(source, str) and not rules.is_address(source):
        return ""
    return _needs(report, ("source_port",), "where the source is an address")


def _within(report: Report, name: str, members: tuple[str, ...]) -> str:
    value = report.get(name)
    if name in report and (not isinstance(value, dict) or any(one in value for one in members)):
        return ""
    return f"{name} must have {' or '.join(members)}"


_CONDITIONS: dict[str, Callable[[Report], str]] = {
    "messaging/spam": _smtp,
    "messaging/bulk_messaging": _smtp,
    "connection/login_attack": _own_port,
    "connection/port_scan": _own_port,
    "connection/ddos": _own_port,
    "copyright/p2p": partial(_within, name="swarm_info", members=("info_hash", "magnet_uri")),
    "copyright/usenet": partial(_within, name="message_info", members=("message_id",)),
}


def _shapes() -> dict[str, Shape]:
    types = _load()
    shapes = {}
    for kind in [kind for kind in types if not kind.endswith("/*")]:
        category = kind.split("/", maxsplit=1)[0]
        rows = types["*/*"] | types.get(f"{category}/*", {}) | types[kind]
        fields = {name: _compile(node) for name, node in rows.items()}
        required = tuple(name for name, node in rows.items() if node.required)
        shapes[kind] = Shape(fields, required, _CONDITIONS.get(kind, _free))
    return shapes


SHAPES: dict[str, Shape] = _shapes()
CATEGORIES: dict[str, tuple[str, ...]] = {
    category: tuple(kind.split("/")[1] for kind in SHAPES if kind.startswith(f"{category}/"))
    for category in dict.fromkeys(kind.split("/", maxsplit=1)[0] for kind in SHAPES)
}


def deviations(report: Report) -> list[str]:
    """Every rule of XARF 4 that a report breaks, as sentences; empty where it keeps them all."""
    category, kind = report.get("category"), report.get("type")
    if not isinstance(category, str) or category not in CATEGORIES:
        return [_unknown(report, "category", CATEGORIES)]
    shape = SHAPES.get(f"{category}/{kind}") if isinstance(kind, str) else None
    if shape is None:
        return [f"{_unknown(report, 'type', CATEGORIES[category])} (category {category})"]
    found = [f"{name} is missing" for name in shape.required if name not in report]
    checks = shape.fields
    for name, value in report.items():
        if (check := checks.get(name)) is not None and (broken := check(value)):
            found.append(name + broken)
    if condition := shape.condition(report):
        found.append(condition)
    return found


def _unknown(report: Report, name: str, known: Iterable[str]) -> str:
    if name not in report:
        return f"{name} is missing"
    return f"{name} must be one of {', '.join(known)}, not {rules.said(report[name])}"
