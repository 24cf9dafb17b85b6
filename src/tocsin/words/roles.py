"""What a party is. What a person may do comes from a mandate, never from a role."""

from enum import StrEnum


class Role(StrEnum):
    """The roles of the chain (house plan, section 1)."""

    HOST = "host"
    COORDINATOR = "coordinator"
    CSIRT = "csirt"
    LAW_ENFORCEMENT = "law_enforcement"
    COURT = "court"
    AUTHORITY = "authority"
    ISP = "isp"
    PLATFORM = "platform"
    REGISTRY = "registry"
    BRAND = "brand"
    DEFENCE = "defence"
    CIVIL_SOCIETY = "civil_society"
    OVERSIGHT = "oversight"
    PUBLIC = "public"


SPOKEN: dict[Role, str] = {
    role: role.value.replace("_", " ") for role in Role if role is not Role.PUBLIC
} | {Role.PUBLIC: "member of the public", Role.DEFENCE: "lawyer of the defence"}

_MASS = (Role.LAW_ENFORCEMENT, Role.OVERSIGHT, Role.CIVIL_SOCIETY)  # no article before these
_VOWELS = ("a", "i", "o")  # an authority, an isp


def one(role: Role) -> str:
    """`a csirt`, `an isp`, `law enforcement`: the role as the subject of a sentence."""
    spoken = SPOKEN[role]
    if role in _MASS:
        return spoken
    return f"an {spoken}" if spoken.startswith(_VOWELS) else f"a {spoken}"
