"""Which logs and witnesses are trusted, and how many witnesses are enough (C2SP tlog-policy)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tocsin.ledger.keys import Kind, Verifier, read_vkey
from tocsin.words.errors import Unreadable

NONE = "none"
_LONGEST = 1024 * 1024
_MOST = 1024  # the specification asks for 32 of each at least
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class Group:
    """So many of these names."""

    least: int
    members: tuple[str, ...]


@dataclass
class Policy:
    """A policy file. Names are those of the file; they mean nothing outside of it."""

    logs: list[Verifier] = field(default_factory=list)
    witnesses: dict[str, Verifier] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    urls: dict[Verifier, str] = field(default_factory=dict)
    quorum: str = ""

    def is_met(self, cosigned: Mapping[Verifier, object]) -> bool:
        """Whether the witnesses that did cosign are enough."""
        return self.quorum == NONE or self._has_witnessed(self.quorum, cosigned)

    def _has_witnessed(self, name: str, cosigned: Mapping[Verifier, object]) -> bool:
        if name in self.witnesses:
            return self.witnesses[name] in cosigned
        group = self.groups[name]
        return sum(self._has_witnessed(row, cosigned) for row in group.members) >= group.least


def read_policy(data: bytes) -> Policy:
    """A policy file; raises `Unreadable` with the number of the line."""
    if len(data) > _LONGEST or data.count(b"\n") > 4 * _MOST:
        raise Unreadable(f"a policy of {len(data):,} bytes. Possible: at most {_LONGEST:,}")
    if _FORBIDDEN.search(data):
        raise Unreadable("the policy holds control characters. Possible: blanks, tabs, newlines")
    policy = Policy()
    # Octets above ASCII are opaque: no two spellings of a name are ever the same.
    for number, line in enumerate(data.decode(errors="surrogateescape").split("\n"), start=1):
        words = [word for word in _BLANKS.split(line) if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            _take(policy, words)
        except Unreadable as fault:
            raise Unreadable(f"policy, line {number}: {fault}") from None
    if not policy.quorum:
        raise Unreadable("the policy has no quorum. Possible: a line `quorum none`")
    return policy


def _take(policy: Policy, words: list[str]) -> None:
    if words[0] not in _LINES:
        raise Unreadable(f"{_said(words[0])} is no line. Possible: log, witness, group, quorum")
    least, most, take = _LINES[words[0]]
    if not least <= len(words) <= most:
        raise Unreadable(f"{words[0]} has {len(words) - 1} words behind it")
    take(policy, words[1:])


def _log(policy: Policy, words: list[str]) -> None:
    found = read_vkey(words[0])
    _check_new(found, policy.logs)
    policy.logs.append(found)
    _url(policy, found, words[1:])


def _witness(policy: Policy, words: list[str]) -> None:
    _check_name(policy, words[0])
    found = read_vkey(words[1])
    if found.kind == Kind.ED25519:
        raise Unreadable("a witness has a cosigning key (04 or 06), and this is a plain one (01)")
    _check_new(found, list(policy.witnesses.values()))
    policy.witnesses[words[0]] = found
    _url(policy, found, words[2:])


def _group(policy: Policy, words: list[str]) -> None:
    name, least, *members = words
    _check_name(policy, name)
    taken = {row for group in policy.groups.values() for row in group.members}
    for place, member in enumerate(members):
        if member not in policy.witnesses and member not in policy.groups:
            raise Unreadable(f"{_said(member)} is no witness or group of a line before")
        if member in taken or member in members[:place]:
            raise Unreadable(f"{_said(member)} is a member already: each counts once")
    count = {"all": len(members), "any": 1}.get(least)
    if count is None:
        count = int(least) if re.fullmatch(r"[1-9][0-9]{0,3}", least) else 0
    if not 1 <= count <= len(members):
        raise Unreadable(f"{_said(least)} of {len(members)} members. Possible: all, any, a number")
    policy.groups[name] = Group(count, tuple(members))


def _quorum(policy: Policy, words: list[str]) -> None:
    if policy.quorum:
        raise Unreadable("there is a quorum already")
    if words[0] not in {NONE, *policy.witnesses, *policy.groups}:
        raise Unreadable(f"{_said(words[0])} is no witness or group of a line before")
    policy.quorum = words[0]


def _check_name(policy: Policy, name: str) -> None:
    if name in {NONE, *policy.witnesses, *policy.groups}:
        raise Unreadable(f"{_said(name)} is a name already")
    if len(policy.witnesses) + len(policy.groups) >= _MOST:
        raise Unreadable(f"more than {_MOST} witnesses and groups")


def _check_new(found: Verifier, known: list[Verifier]) -> None:
    """The same public key again is a duplicate, whatever its name and kind."""
    if any(row.key == found.key for row in known):
        raise Unreadable(f"the key of {found.name} stands in it twice")


def _url(policy: Policy, found: Verifier, words: list[str]) -> None:
    if words:
        policy.urls[found] = words[0]


def _said(word: str) -> str:
    return ascii(word[:60])


_LINES: dict[str, tuple[int, int, Callable[[Policy, list[str]], None]]] = {
    "log": (2, 3, _log),
    "witness": (3, 4, _witness),
    "group": (4, _MOST, _group),
    "quorum": (2, 2, _quorum),
}
