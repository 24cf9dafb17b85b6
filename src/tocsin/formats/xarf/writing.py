"""From a delivery to XARF 4.2.0 reports, one on each line: one event, one report.

All that was released stands once more under `idf`, column by column: XARF has no place for much
of it, and allows members of one's own. A row that names no source (only the reporter gets such
rows) says `withheld`; one that names no time says 1970-01-01 with the tag `time:unknown`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from math import isfinite
from uuid import UUID, uuid5

import polars as pl

from tocsin.formats.idf import moments_as_text
from tocsin.formats.xarf.classes import ELSE, NOT_THE_ATTACKER, WRITTEN
from tocsin.formats.xarf.shapes import Report, deviations
from tocsin.words.classes import SPELLINGS, TYPES
from tocsin.words.errors import Unusable
from tocsin.words.fields import EXTRA

VERSION = "4.2.0"
WITHHELD = "withheld"
_UNKNOWN_TIME = "1970-01-01T00:00:00Z"
# Ours, made once and for ever: report ids under it are the same wherever they are made.
_NAMESPACE = UUID("6f0c1a52-3d4e-5b7a-9c86-2a1d7e90b4f3")
_LONGEST = 1000  # characters of a description

Event = dict[str, object]


@dataclass(frozen=True)
class Sender:
    """Who reports and sends: organisation, address for questions, domain."""

    org: str
    contact: str
    domain: str


def header(_columns: list[str]) -> bytes:
    """JSON lines have none."""
    return b""


def nameless(_table: pl.DataFrame) -> bytes:
    """XARF says who reports (`reporter` and `sender` must be given), and nobody was named."""
    raise Unusable(
        "XARF names who reports, and this node has no name. Possible: TOCSIN_NODE_NAME and "
        "TOCSIN_NODE_CONTACT, or another format for the party"
    )


def body(table: pl.DataFrame, *, sender: Sender) -> bytes:
    """One report per row, ended by a line feed."""
    contact = {"org": sender.org, "contact": sender.contact, "domain": sender.domain}
    lines = [
        json.dumps(_report(_event(row), contact), ensure_ascii=True, separators=(",", ":"))
        for row in moments_as_text(table).iter_rows(named=True)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _event(row: dict[str, object]) -> Event:
    """A row without its nulls (RFC 8259 knows no NaN either); `extra` is one object."""
    event = {name: value for name, value in row.items() if _is_said(value)}
    extra = event.pop("extra", None)
    spread = json.loads(extra) if isinstance(extra, str) else {}
    for name in [name for name in event if name.startswith(EXTRA)]:
        spread[name.removeprefix(EXTRA)] = event.pop(name)
    return event | {"extra": spread} if spread else event


def _is_said(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not isfinite(value))


def _report(event: Event, contact: dict[str, str]) -> Report:
    """The first type of the class whose rules the disclosed fields can keep."""
    common = _common(event, contact)
    for kind in (*_kinds(event), ELSE):
        category, _, name = kind.partition("/")
        report = common | {"category": category, "type": name} | _BY_KIND[kind](event)
        report = {key: value for key, value in report.items() if value is not None}
        if kind == ELSE or not deviations(report):
            return report | {"idf": event}
    raise RuntimeError("a report of threat intelligence needs nothing but a class")


def _kinds(event: Event) -> tuple[str, ...]:
    if event.get("classification.identifier") in NOT_THE_ATTACKER:
        return ()
    return WRITTEN.get(_class(event), ())


def _class(event: Event) -> str:
    kind = str(event.get("classification.type", ""))
    kind = SPELLINGS.get(kind, kind)
    return kind if kind in TYPES else "undetermined"


# ── what every report has ────────────────────────────────────────────────────────────────


def _common(event: Event, contact: dict[str, str]) -> Report:
    time = _moment(event.get("time.source") or event.get("time.observation"))
    text = event.get("event_description.text") or _extra(event).get("because")
    return {
        "xarf_version": VERSION,
        "report_id": str(_id(event)),
        "timestamp": time or _UNKNOWN_TIME,
        "reporter": contact,
        "sender": contact,
        "source_identifier": _identifier(event),
        "source_port": _port(event.get("source.port")),
        "description": str(text)[:_LONGEST] if text is not None else None,
        "tags": None if time else ["time:unknown"],
    }


def _extra(event: Event) -> dict[str, object]:
    extra = event.get("extra")
    return extra if isinstance(extra, dict) else {}


_IDENTIFYING = ("source.ip", "source.network", "source.fqdn", "source.url")


def _identifier(event: Event) -> str:
    """What names the source: an address, an account (no pseudonym of one), a name."""
    account = str(event.get("source.account", ""))
    if "@" in account and not {"source.ip", "source.network"} & event.keys():
        return account
    named = next((event[column] for column in _IDENTIFYING if column in event), None)
    return str(named or _extra(event).get("registrable_domain") or WITHHELD)


def _id(event: Event) -> UUID:
    """The same incident has the same id, in every delivery and in every run."""
    key = event.get("event_hash")
    facts = [key, event.get("time.source")] if key else sorted(map(str, event.items()))
    return uuid5(_NAMESPACE, json.dumps(facts))


def _moment(value: object) -> str | None:
    """An RFC 3339 moment in UTC; None where the value is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _port(value: object) -> int | None:
    text = str(value)
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    return number if 0 < number < 65536 else None


# ── what one type has ────────────────────────────────────────────────────────────────────


def _connection(event: Event) -> Report:
    """Members of the connection types; nothing where the time or the transport is not known."""
    return {
        "protocol": event.get("protocol.transport"),
        "first_seen": _moment(event.get("time.source")),
        "destination_ip": _address(event.get("destination.ip")),
        "destination_port": _port(event.get("destination.port")),
    }


def _scan(event: Event) -> Report:
    known = _connection(event)
    known.pop("destination_port")
    transport = known["protocol"] if known["protocol"] in {"tcp", "udp", "icmp"} else "mixed"
    return known | {"protocol": transport, "scan_type": "mixed"}


def _address(value: object) -> str | None:
    try:
        return str(ip_address(str(value)))
    except ValueError:
        return None


def _content(event: Event) -> Report:
    return {"url": event.get("source.url"), "target_brand": event.get("event_description.target")}


def _spam(event: Event) -> Report:
    """Spam by SMTP must name its envelope sender; without one the way it came is left open."""
    protocol = event.get("protocol.application")
    account = event.get("source.account") or _extra(event).get("smtp_from")
    if protocol == "smtp":
        named = account is not None and _port(event.get("source.port")) is not None
        return {"protocol": "smtp", "smtp_from": account} if named else {"protocol": "other"}
    known = ("sms", "whatsapp", "telegram", "signal", "chat", "social_media")
    return {"protocol": protocol if protocol in known else "other"}


def _botnet(event: Event) -> Report:
    controller = event.get("destination.fqdn") or event.get("destination.ip")
    name = event.get("malware.name")
    seen = f"traffic of {name}" if name else "traffic of malware"
    return {
        "malware_family": str(name)[:200] if name else None,
        "c2_server": controller,
        "compromise_evidence": f"{seen} was seen from this address",
    }


def _malware(event: Event) -> Report:
    hashes = {
        name: event[f"malware.hash.{name}"]
        for name in ("md5", "sha1", "sha256")
        if f"malware.hash.{name}" in event
    }
    return _content(event) | {
        "malware_family": event.get("malware.name"),
        "file_hashes": hashes or None,
    }


def _service(event: Event) -> str | None:
    service = event.get("protocol.application") or event.get("product.name")
    service = service or event.get("classification.identifier")
    return str(service)[:200] if service else None


def _cve(event: Event) -> Report:
    number = str(event.get("product.vulnerabilities") or event.get("classification.identifier"))
    return {
        "service": _service(event),
        "service_version": event.get("product.version"),
        "service_port": _port(event.get("source.port")),
        "cve_id": number.upper(),
    }


def _threat(event: Event) -> Report:
    return {"threat_type": _class(event)}


_BY_KIND: dict[str, Callable[[Event], Report]] = {
    "messaging/spam": _spam,
    "infrastructure/botnet": _botnet,
    "infrastructure/compromised_server": lambda event: {
        "compromise_method": str(event.get("classification.identifier", "unknown"))
    },
    "content/malware": _malware,
    "content/phishing": _content,
    "content/fraud": lambda event: _content(event) | {"fraud_type": "other"},
    "content/exposed_data": lambda event: (
        _content(event) | {"data_types": ["other"], "exposure_method": "other"}
    ),
    "content/remote_compromise": lambda event: _content(event) | {"compromise_type": "other"},
    "copyright/copyright": lambda event: {"infringing_url": event.get("source.url")},
    "connection/port_scan": _connection,
    "connection/vulnerability_scan": _scan,
    "connection/login_attack": _connection,
    "connection/ddos": _connection,
    "vulnerability/cve": _cve,
    "vulnerability/open_service": lambda event: {"service": _service(event)},
    "vulnerability/misconfiguration": lambda event: {"service": _service(event)},
    "reputation/blocklist": _threat,
    "reputation/threat_intelligence": _threat,
}
