"""What each may see: `(relation, class, field) -> keep | coarsen | pseudonymise | drop | never`.

Absent means drop. `extra.*` columns are fields of their own; an unknown one goes only to the
holder of the reported address. Passwords, payloads and requests are never released, whatever
another row says. The side says which end of the event the party answers for: the target of
an attack may see its own address whole and the attacker's only as a network.

Legal bases name the provision a controller would rely on; their wording was not seen in a
primary text while this table was written, so each is marked (unverified) and is to be
confirmed by the operating body's own data-protection officer before production.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from tocsin.words.fields import EXTRA, FIELDS, set_aside
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation, Side

ANY = "*"


class Act(StrEnum):
    """What happens to one field on its way to one party."""

    KEEP = "keep"
    COARSEN = "coarsen"
    PSEUDONYMISE = "pseudonymise"
    DROP = "drop"
    NEVER = "never"


@dataclass(frozen=True)
class Disclose:
    """One row. `relation`, `type` and `field` may be "*"; `field` may be "extra.*"."""

    relation: Relation | str
    type: str
    field: str
    act: Act
    purpose: str
    basis: str
    side: Side = Side.SOURCE
    since: date = date(2026, 1, 1)
    until: date | None = None


@dataclass(frozen=True)
class Ruling:
    """What was decided for one field, and the row that decided it (None: no row, dropped)."""

    act: Act
    row: Disclose | None

    @property
    def because(self) -> str:
        """One sentence for the manifest."""
        if self.row is None:
            return "withheld: no rule discloses this field to this relation"
        return f"{self.act}: {self.row.purpose} ({self.row.basis})"


_WARN = "warn the holder of the address so that it can mend the fault"
_MEND = "GDPR 6(1)(f) with recital 49; NIS2 11(3)(b) (unverified)"
_HANDLE = "handle incidents in its own state"
_CSIRT = "NIS2 11(3)(a)-(c); GDPR 6(1)(e) (unverified)"
_SUSPEND = "decide on the name or the content it runs"
_NOTICE = "DSA 16; NIS2 28 (unverified)"
_DEFEND = "warn its customers and act against the imitation"
_BRAND = "GDPR 6(1)(f) (unverified)"
_ANSWER = "tell the reporter what became of the report"
_REPORTER = "GDPR 6(1)(f) (unverified)"
_FIGURES = "know the size of a threat without any personal field"
_AGREED = "the agreement on file; no personal data"

_CLASS = (
    "classification.taxonomy",
    "classification.type",
    "classification.identifier",
)
_EVENT = (
    *_CLASS,
    "time.source",
    "event_hash",
    "severity",
    "tlp",
    "feed.provider",
    "feed.code",
    "malware.name",
    "malware.version",
    "protocol.transport",
    "protocol.application",
)
_HASHES = ("malware.hash.md5", "malware.hash.sha1", "malware.hash.sha256")
_PRODUCT = (
    "product.vendor",
    "product.name",
    "product.full_name",
    "product.version",
    "product.vulnerabilities",
)
_OWN_SOURCE = (
    "source.ip",
    "source.network",
    "source.port",
    "source.asn",
    "source.as_name",
    "source.geolocation.cc",
    "source.fqdn",
    "source.domain_suffix",
    "source.url",
    "source.urlpath",
    "source.reverse_dns",
    "source.tor_node",
)
_PLACE = ("source.geolocation.region", "source.geolocation.city")
_SITE = (
    "source.fqdn",
    "source.url",
    "source.urlpath",
    "source.domain_suffix",
    "extra.registrable_domain",
)
_LISTING = tuple(
    EXTRA + name for name in ("listing", "listing_state", "listing_scope", "listing_reason")
)
_ALLOWED_EXTRA = tuple(
    EXTRA + name
    for name in (
        "registrable_domain",
        "tag",
        "family",
        "infection",
        "public_source",
        "event_id",
        "sector",
        "naics",
        "device_vendor",
        "device_type",
        "device_model",
        "device_version",
        "version",
        "category",
        "status",
        "detail",
        "amplification",
        "cve",
    )
)
# Sensors and honeypots are seen in these; their full address would give them away.
_SENSED = ("scanner", "brute-force", "exploit", "ids-alert", "ddos", "dos")
# What else names the sensor, or whom an attack was aimed at.
_OTHER_END = (
    "destination.fqdn",
    *(
        EXTRA + name
        for name in (
            "dst_ip",
            "dst_hostname",
            "dst_network",
            "dst_netmask",
            "http_host",
            "sensor_id",
        )
    ),
)


def _rows(
    relation: Relation,
    fields: Iterable[str],
    act: Act,
    purpose: str,
    basis: str,
    *,
    types: Iterable[str] = (ANY,),
    side: Side = Side.SOURCE,
) -> Iterator[Disclose]:
    names = tuple(fields)
    for kind in types:
        for name in names:
            yield Disclose(relation, kind, name, act, purpose, basis, side)


_R, _K, _C = Relation, Act.KEEP, Act.COARSEN
_DST = Side.DESTINATION

DISCLOSURE: tuple[Disclose, ...] = (
    # The holder of the reported address
    *_rows(_R.NETWORK, (*_EVENT, *_HASHES, *_PRODUCT, *_OWN_SOURCE, *_PLACE), _K, _WARN, _MEND),
    *_rows(_R.NETWORK, ("source.account",), _K, _WARN, _MEND),
    *_rows(_R.NETWORK, ("event_description.text",), _K, _WARN, _MEND),
    *_rows(_R.NETWORK, ("destination.port", "destination.fqdn"), _K, _WARN, _MEND),
    *_rows(_R.NETWORK, ("destination.ip",), _K, _WARN, _MEND, types=["infected-system"]),
    *_rows(
        _R.NETWORK,
        ("destination.ip",),
        _C,
        "check the report against flow records without giving a sensor away",
        _MEND,
        types=_SENSED,
    ),
    *_rows(_R.NETWORK, (EXTRA + ANY,), _K, _WARN, _MEND),
    *_rows(
        _R.NETWORK,
        _OTHER_END,
        Act.DROP,
        "a sensor stays useful only while nobody knows it; a target is not to be named",
        _MEND,
        types=_SENSED,
    ),
    # The holder of an address under attack
    *_rows(
        _R.NETWORK,
        (*_EVENT, "destination.ip", "destination.port", "destination.network"),
        _K,
        "defend the address under attack",
        _MEND,
        side=_DST,
    ),
    *_rows(
        _R.NETWORK,
        ("destination.asn", "destination.as_name", "destination.geolocation.cc"),
        _K,
        "defend the address under attack",
        _MEND,
        side=_DST,
    ),
    *_rows(
        _R.NETWORK,
        ("source.ip",),
        _C,
        "filter the attack without naming a third party's line",
        _MEND,
        side=_DST,
    ),
    *_rows(
        _R.NETWORK,
        ("source.asn", "source.geolocation.cc"),
        _K,
        "filter the attack without naming a third party's line",
        _MEND,
        side=_DST,
    ),
    # The national CSIRT
    *_rows(_R.CSIRT, (*_EVENT, *_HASHES, *_PRODUCT, *_OWN_SOURCE), _K, _HANDLE, _CSIRT),
    *_rows(
        _R.CSIRT,
        ("destination.port", "destination.asn", "destination.geolocation.cc"),
        _K,
        _HANDLE,
        _CSIRT,
    ),
    *_rows(_R.CSIRT, ("destination.ip",), _C, _HANDLE, _CSIRT, types=["infected-system", *_SENSED]),
    *_rows(_R.CSIRT, ("source.account",), Act.PSEUDONYMISE, _HANDLE, _CSIRT),
    *_rows(_R.CSIRT, ("event_description.target",), _K, _HANDLE, _CSIRT),
    *_rows(_R.CSIRT, _ALLOWED_EXTRA, _K, _HANDLE, _CSIRT),
    *_rows(
        _R.CSIRT,
        (
            *_EVENT,
            "destination.ip",
            "destination.port",
            "destination.asn",
            "destination.as_name",
            "destination.geolocation.cc",
            "source.asn",
            "source.geolocation.cc",
        ),
        _K,
        _HANDLE,
        _CSIRT,
        side=_DST,
    ),
    *_rows(_R.CSIRT, ("source.ip",), _C, _HANDLE, _CSIRT, side=_DST),
    # The registry of the top-level domain: names, never addresses of machines
    *_rows(_R.REGISTRY, (*_EVENT, *_SITE), _K, _SUSPEND, _NOTICE),
    # The platform or host by domain
    *_rows(
        _R.PLATFORM,
        (*_EVENT, *_HASHES, *_SITE, "source.ip", "source.port"),
        _K,
        _SUSPEND,
        _NOTICE,
    ),
    *_rows(_R.PLATFORM, ("source.account",), _K, _SUSPEND, _NOTICE),
    # The brand that is imitated
    *_rows(
        _R.BRAND,
        (
            *_EVENT,
            *_SITE,
            "source.asn",
            "source.geolocation.cc",
            "event_description.target",
        ),
        _K,
        _DEFEND,
        _BRAND,
    ),
    # What the node itself lists: which listing, whether it stands, why; for the holder too
    *(
        row
        for relation, purpose, basis in (
            (_R.CSIRT, _HANDLE, _CSIRT),
            (_R.REGISTRY, _SUSPEND, _NOTICE),
            (_R.PLATFORM, _SUSPEND, _NOTICE),
            (_R.BRAND, _DEFEND, _BRAND),
        )
        for row in _rows(relation, _LISTING, _K, purpose, basis, types=("phishing", "other"))
    ),
    # The reporter has the report already; it learns what became of each row
    *_rows(_R.REPORTER, (*_CLASS, "time.source", "feed.code"), _K, _ANSWER, _REPORTER),
    # Law enforcement and the coordinator: counts per state and family, under an agreement
    *(
        row
        for relation in (_R.LAW_ENFORCEMENT, _R.COORDINATOR)
        for row in (
            *_rows(
                relation,
                (
                    "classification.taxonomy",
                    "classification.type",
                    "malware.name",
                    "source.geolocation.cc",
                ),
                _K,
                _FIGURES,
                _AGREED,
            ),
            *_rows(relation, ("time.source",), _C, _FIGURES, _AGREED),
        )
    ),
)

# Relations that receive counts of their released rows, not the rows.
COUNTED = frozenset({Relation.LAW_ENFORCEMENT, Relation.COORDINATOR})

# A column whose name says one of these is never released to anyone. Shadowserver's
# `community` is the SNMP password; `set_cookie` and `authorization` open sessions.
NEVER_PARTS = (
    "api_key",
    "apikey",
    "authoriz",
    "cookie",
    "credential",
    "passcode",
    "passphrase",
    "passw",
    "payload",
    "postdata",
    "private_key",
    "raw_packet",
    "request",
    "secret",
    "sessionid",
    "token",
    "userpass",
)
NEVER_WORDS = frozenset({"community", "pass", "pin", "pwd"})
_NEVER_ROW = Disclose(
    ANY,
    ANY,
    "extra.<secret>",
    Act.NEVER,
    "passwords, payloads and requests leave the node to nobody",
    "GDPR 5(1)(c), 32 (unverified)",
)
# Own columns of a delivery, not taken from the report.
OWN_COLUMNS = ("because", "attributable", "repeats", "report", "row", "told")


def is_secret(field: str) -> bool:
    """True for `extra.` columns whose name says password, payload, request or the like."""
    if not field.startswith(EXTRA):
        return False
    name = field.removeprefix(EXTRA).lower().replace("-", "_").replace(".", "_")
    return any(part in name for part in NEVER_PARTS) or not NEVER_WORDS.isdisjoint(name.split("_"))


_SET_ASIDE = {set_aside(name): name for name in FIELDS}


@cache
def rule(relation: Relation, side: Side, kind: str, field: str, on: date) -> Ruling:
    """The ruling for one field; never beats all, then the exact row, then wildcards."""
    if is_secret(field):
        return Ruling(Act.NEVER, _NEVER_ROW)
    original = _SET_ASIDE.get(field)
    if original and rule(relation, side, kind, original, on).act is not Act.KEEP:
        return Ruling(Act.DROP, None)  # what broke its rule is no more open than what kept it
    rows = _valid(relation, side, on)
    wild = EXTRA + ANY if field.startswith(EXTRA) else field
    for wanted in ((kind, field), (ANY, field), (kind, wild), (ANY, wild)):
        if row := rows.get(wanted):
            return Ruling(row.act, row)
    return Ruling(Act.DROP, None)


@cache
def _valid(relation: Relation, side: Side, on: date) -> dict[tuple[str, str], Disclose]:
    return {
        (row.type, row.field): row
        for row in DISCLOSURE
        if row.relation == relation
        and row.side == side
        and row.since <= on
        and (row.until is None or on <= row.until)
    }


def disclosed_fields(relation: Relation, on: date) -> tuple[str, ...]:
    """IDF fields that any row opens to the relation, on either side (no `extra.`)."""
    return tuple(
        dict.fromkeys(
            row.field
            for side in Side
            for row in _valid(relation, side, on).values()
            if row.act in (Act.KEEP, Act.COARSEN, Act.PSEUDONYMISE)
            and not row.field.startswith(EXTRA)
        )
    )


def coarsened_fields(relation: Relation, on: date) -> tuple[str, ...]:
    """IDF fields that any row coarsens for the relation."""
    return tuple(
        dict.fromkeys(
            row.field
            for side in Side
            for row in _valid(relation, side, on).values()
            if row.act is Act.COARSEN
        )
    )


_ORGANISATIONS = frozenset(
    {
        Relation.NETWORK,
        Relation.CSIRT,
        Relation.REGISTRY,
        Relation.PLATFORM,
        Relation.BRAND,
        Relation.REPORTER,
    }
)

# TLP 2.0: RED is for named persons, so nothing is sent by itself; AMBER+STRICT reaches the
# organisations concerned and goes no further; figures for others need AMBER or less.
MAY_RECEIVE: dict[Tlp, frozenset[Relation]] = {
    Tlp.RED: frozenset(),
    Tlp.AMBER_STRICT: _ORGANISATIONS,
    Tlp.AMBER: _ORGANISATIONS | COUNTED,
    Tlp.GREEN: _ORGANISATIONS | COUNTED,
    Tlp.CLEAR: _ORGANISATIONS | COUNTED,
}
