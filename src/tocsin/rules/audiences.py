"""For whom a listing is: each audience has a list and a zone of its own.

A listing is marked with how far it may be told (TLP 2.0), and stands on the list of every audience
that may know as much: what everybody may know is on all of them. Whoever is not of an audience sees
no trace of it: neither name nor number nor edition.
"""

from collections.abc import Collection
from dataclasses import dataclass

from tocsin.words.markings import STRICTNESS, Tlp
from tocsin.words.roles import Role


@dataclass(frozen=True)
class Audience:
    """One row: what its list holds at most, and which parties may fetch it.

    `roles` empty: members of any role. Parties of the running sharing group `group` may as well.
    """

    name: str
    most: Tlp
    who: str
    is_open: bool = False
    roles: frozenset[Role] = frozenset()

    @property
    def group(self) -> str:
        """The sharing group whose parties are of this audience, whatever their role."""
        return f"shield {self.name}"

    def has(self, role: Role, *, is_member: bool, groups: Collection[str] = ()) -> bool:
        """Whether a party is of it: by its role and membership, or by a sharing group."""
        by_role = is_member and (not self.roles or role in self.roles)
        return self.is_open or by_role or self.group in groups


PUBLIC = Audience("public", Tlp.CLEAR, "everybody", is_open=True)
MEMBERS = Audience("members", Tlp.GREEN, "parties that are members")
PROVIDERS = Audience(
    "providers",
    Tlp.AMBER,
    "providers of access and of hosting, and national teams",
    roles=frozenset({Role.ISP, Role.PLATFORM, Role.CSIRT}),
)
AUDIENCES: dict[str, Audience] = {row.name: row for row in (PUBLIC, MEMBERS, PROVIDERS)}
# Markings that a listing can have: what is for named persons or one organisation is no list.
MARKINGS: tuple[Tlp, ...] = tuple(row.most for row in AUDIENCES.values())


def audiences_of(tlp: Tlp) -> tuple[str, ...]:
    """The audiences on whose lists a listing of this marking stands, the widest first."""
    return tuple(row.name for row in AUDIENCES.values() if STRICTNESS[row.most] >= STRICTNESS[tlp])
