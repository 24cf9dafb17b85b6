"""Reads lock files: what is pinned, its hashes and what asked for it."""

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path

_PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^ +#(?: via)? +(\S.*)$")


@dataclass(frozen=True)
class Pin:
    """A package at one version; `via` names what needs it, "tocsin" at the beginning."""

    name: str
    version: str
    hashes: tuple[str, ...]
    via: frozenset[str]

    @property
    def ref(self) -> str:
        """What it is called within the bill of materials."""
        return f"pypi:{self.name}@{self.version}"

    def only(self, *, keep: AbstractSet[str]) -> "Pin":
        """Without what is not listed beside it."""
        return replace(self, via=self.via & keep)


def read_lock(path: Path) -> list[Pin]:
    """As `uv pip compile --generate-hashes` writes them: one name may stand at two versions, each
    for other versions of Python."""
    pins = []
    for block in re.split(r"\n(?=[a-z0-9])", path.read_text(encoding="utf-8")):
        if found := _PIN.match(block):
            lines = block.splitlines()
            said = {_asker(one[1]) for line in lines if (one := _VIA.match(line))}
            pins.append(Pin(found[1], found[2], tuple(_HASH.findall(block)), frozenset(said)))
    return pins


def _asker(text: str) -> str:
    """Of `tocsin (pyproject.toml)` and of its extras the product, of its groups nothing."""
    if text.startswith("tocsin "):
        return "tocsin" if text == "tocsin (pyproject.toml)" else "a group"
    return text


def reached(pins: Iterable[Pin], start: AbstractSet[str]) -> set[str]:
    """The names that begin here, and everything that they need."""
    pins = list(pins)
    found = set(start) & {pin.name for pin in pins}
    while more := {pin.name for pin in pins if pin.via & found} - found:
        found |= more
    return found
