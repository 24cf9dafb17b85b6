"""The columns of an event: the keys of the IntelMQ Data Format (IDF), verbatim.

Each key has a kind; the kind says how a value is validated and what may stand in it.
Columns a report has beyond these are called `extra.<name>` and are fields of their own.
Source: IDF harmonization of IntelMQ 3.5 (89 event keys).
"""

from enum import StrEnum


class Kind(StrEnum):
    """What a field holds; `flow.normalise` has one rule per kind."""

    TEXT = "text"
    NAME = "name"  # one word of a controlled vocabulary, lower case
    TIME = "time"
    IP = "ip"
    NETWORK = "network"
    PORT = "port"
    ASN = "asn"
    COUNTRY = "country"
    FQDN = "fqdn"
    URL = "url"
    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    NUMBER = "number"
    TRANSPORT = "transport"
    TLP = "tlp"
    FLAG = "flag"


_SIDE: dict[str, Kind] = {
    "ip": Kind.IP,
    "port": Kind.PORT,
    "network": Kind.NETWORK,
    "asn": Kind.ASN,
    "as_name": Kind.TEXT,
    "fqdn": Kind.FQDN,
    "domain_suffix": Kind.FQDN,
    "reverse_dns": Kind.FQDN,
    "url": Kind.URL,
    "urlpath": Kind.TEXT,
    "account": Kind.TEXT,
    "abuse_contact": Kind.TEXT,
    "allocated": Kind.TIME,
    "registry": Kind.NAME,
    "local_ip": Kind.IP,
    "local_hostname": Kind.TEXT,
    "tor_node": Kind.FLAG,
    "geolocation.cc": Kind.COUNTRY,
    "geolocation.city": Kind.TEXT,
    "geolocation.country": Kind.TEXT,
    "geolocation.latitude": Kind.NUMBER,
    "geolocation.longitude": Kind.NUMBER,
    "geolocation.region": Kind.TEXT,
    "geolocation.state": Kind.TEXT,
}

FIELDS: dict[str, Kind] = {
    "time.source": Kind.TIME,
    "time.observation": Kind.TIME,
    "classification.taxonomy": Kind.NAME,
    "classification.type": Kind.NAME,
    "classification.identifier": Kind.TEXT,
    **{f"source.{name}": kind for name, kind in _SIDE.items()},
    "source.geolocation.cymru_cc": Kind.COUNTRY,
    "source.geolocation.geoip_cc": Kind.COUNTRY,
    **{f"destination.{name}": kind for name, kind in _SIDE.items()},
    "protocol.transport": Kind.TRANSPORT,
    "protocol.application": Kind.NAME,
    "malware.name": Kind.TEXT,
    "malware.version": Kind.TEXT,
    "malware.hash.md5": Kind.MD5,
    "malware.hash.sha1": Kind.SHA1,
    "malware.hash.sha256": Kind.SHA256,
    "product.vendor": Kind.TEXT,
    "product.name": Kind.TEXT,
    "product.full_name": Kind.TEXT,
    "product.version": Kind.TEXT,
    "product.vulnerabilities": Kind.TEXT,
    "event_description.target": Kind.TEXT,
    "event_description.text": Kind.TEXT,
    "event_description.url": Kind.URL,
    "event_hash": Kind.TEXT,
    "feed.accuracy": Kind.NUMBER,
    "feed.code": Kind.TEXT,
    "feed.documentation": Kind.URL,
    "feed.name": Kind.TEXT,
    "feed.provider": Kind.TEXT,
    "feed.url": Kind.URL,
    "misp.attribute_uuid": Kind.TEXT,
    "misp.event_uuid": Kind.TEXT,
    "comment": Kind.TEXT,
    "constituency": Kind.TEXT,
    "output": Kind.TEXT,
    "raw": Kind.TEXT,
    "rtir_id": Kind.NUMBER,
    "screenshot_url": Kind.URL,
    "severity": Kind.NAME,
    "status": Kind.NAME,
    "tlp": Kind.TLP,
}

EXTRA = "extra."


def set_aside(name: str) -> str:
    """Where a value of the field that broke its rule is kept: `extra.invalid_source_ip`."""
    return f"{EXTRA}invalid_{name.replace('.', '_')}"


def is_field(name: str) -> bool:
    """True for an IDF key and for `extra.<anything>`."""
    return name in FIELDS or (name.startswith(EXTRA) and len(name) > len(EXTRA))
