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
