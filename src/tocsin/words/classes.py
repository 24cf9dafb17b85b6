"""Classes of the Reference Security Incident Taxonomy (RSIT v1003) as IDF carries them.

IDF adds `blacklist`, `dga-domain`, `malware`, `proxy` and `tor` under `other`, and older
tools spell one type with a z; both are read, RSIT's own spelling is written.
"""

TAXONOMY: dict[str, tuple[str, ...]] = {
    "abusive-content": ("spam", "harmful-speech", "violence"),
    "malicious-code": (
        "infected-system",
        "c2-server",
        "malware-distribution",
        "malware-configuration",
    ),
    "information-gathering": ("scanner", "sniffing", "social-engineering"),
    "intrusion-attempts": ("ids-alert", "brute-force", "exploit"),
    "intrusions": (
        "privileged-account-compromise",
        "unprivileged-account-compromise",
        "application-compromise",
        "system-compromise",
        "burglary",
    ),
    "availability": ("dos", "ddos", "misconfiguration", "sabotage", "outage"),
    "information-content-security": (
        "unauthorised-information-access",
        "unauthorised-information-modification",
        "data-loss",
        "data-leak",
    ),
    "fraud": ("unauthorised-use-of-resources", "copyright", "masquerade", "phishing"),
    "vulnerable": (
        "weak-crypto",
        "ddos-amplifier",
        "potentially-unwanted-accessible",
        "information-disclosure",
        "vulnerable-system",
    ),
    "other": ("other", "undetermined", "blacklist", "dga-domain", "malware", "proxy", "tor"),
    "test": ("test",),
}

TYPES: dict[str, str] = {kind: taxonomy for taxonomy, kinds in TAXONOMY.items() for kind in kinds}

SPELLINGS: dict[str, str] = {"unauthorized-use-of-resources": "unauthorised-use-of-resources"}


def taxonomy_of(kind: str) -> str:
    """The taxonomy of a `classification.type`; unknown types belong to `other`."""
    return TYPES.get(SPELLINGS.get(kind, kind), "other")
