"""What the types of XARF are called in the Reference Security Incident Taxonomy, and back.

Neither list has all that the other has. The choices below follow the definitions of the two:
XARF's from the descriptions in its schemas (xarf-spec 4.2.0), RSIT's from version 1003.
"""

from tocsin.words.classes import TYPES

# csam and csem are missing on purpose: such a report never becomes an event.
CLASSES: dict[str, str] = {
    "messaging/spam": "spam",
    "messaging/bulk_messaging": "spam",
    "connection/login_attack": "brute-force",
    "connection/port_scan": "scanner",
    "connection/ddos": "ddos",
    "connection/infected_host": "infected-system",  # but see `class_of`
    "connection/reconnaissance": "scanner",
    "connection/scraping": "scanner",  # "gathering of information on hosts and services"
    "connection/sql_injection": "exploit",
    "connection/vulnerability_scan": "scanner",
    "content/phishing": "phishing",
    "content/malware": "malware-distribution",
    "content/fraud": "masquerade",  # RSIT has no other class for deceiving people of money
    "content/exposed_data": "data-leak",
    "content/brand_infringement": "masquerade",
    "content/suspicious_registration": "blacklist",  # a suspicion, no incident yet
    "content/remote_compromise": "system-compromise",
    "copyright/copyright": "copyright",
    "copyright/p2p": "copyright",
    "copyright/cyberlocker": "copyright",
    "copyright/ugc_platform": "copyright",
    "copyright/link_site": "copyright",
    "copyright/usenet": "copyright",
    "infrastructure/botnet": "infected-system",
    "infrastructure/compromised_server": "system-compromise",
    "vulnerability/cve": "vulnerable-system",
    "vulnerability/open_service": "potentially-unwanted-accessible",
    # RSIT's "misconfiguration" is one that makes a service fail; XARF's is one that opens it.
    "vulnerability/misconfiguration": "vulnerable-system",
    "reputation/blocklist": "blacklist",
    "reputation/threat_intelligence": "undetermined",
}

_HARMFUL = ("malicious", "unknown")


def class_of(kind: str, report: dict[str, object]) -> str:
    """The RSIT type of a report of a XARF type (`category/type`).

    XARF calls every robot an `infected_host`; one that is a crawler by its own `bot_type` is
    none. A `threat_type` that is the name of an RSIT type is that type.
    """
    if kind == "connection/infected_host" and report.get("bot_type") not in _HARMFUL:
        return "scanner"
    threat = report.get("threat_type")
    if kind.startswith("reputation/") and isinstance(threat, str) and threat in TYPES:
        return threat
    return CLASSES[kind]


# What an RSIT type is written as, the first that can be satisfied by what is disclosed. What
# has no type in XARF, or not enough fields for it, is `reputation/threat_intelligence` with the
# RSIT type as its `threat_type`: nothing is left out, and the class comes back unchanged.
ELSE = "reputation/threat_intelligence"
WRITTEN: dict[str, tuple[str, ...]] = {
    "spam": ("messaging/spam",),
    "infected-system": ("infrastructure/botnet",),
    "malware-distribution": ("content/malware",),
    "scanner": ("connection/port_scan", "connection/vulnerability_scan"),
    "brute-force": ("connection/login_attack",),
    "ddos": ("connection/ddos",),
    "dos": ("connection/ddos",),
    "system-compromise": ("content/remote_compromise", "infrastructure/compromised_server"),
    "application-compromise": ("content/remote_compromise",),
    "data-leak": ("content/exposed_data",),
    "copyright": ("copyright/copyright",),
    "masquerade": ("content/fraud",),
    "phishing": ("content/phishing",),
    "vulnerable-system": ("vulnerability/cve", "vulnerability/misconfiguration"),
    "potentially-unwanted-accessible": ("vulnerability/open_service",),
    "ddos-amplifier": ("vulnerability/open_service",),
    "weak-crypto": ("vulnerability/misconfiguration",),
    "information-disclosure": ("vulnerability/misconfiguration",),
    "blacklist": ("reputation/blocklist",),
}
# The source of these is the victim, or only the target is meant: no report blames it.
NOT_THE_ATTACKER = frozenset({"amplification-ddos-victim", "honeypot-ddos-target"})
