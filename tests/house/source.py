"""Reads the house's own source, for the tests that keep it in order."""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
HOUSE = REPOSITORY / "src" / "tocsin"
ROOMS: dict[str, dict[str, object]] = tomllib.loads(
    (Path(__file__).parent / "rooms.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Module:
    """One source file: the room it stands in, its path in the house, its syntax tree."""

    room: str
    path: str
    tree: ast.Module


@cache
def modules() -> tuple[Module, ...]:
    """Every module that stands in a room."""
    files = sorted(file for room in ROOMS for file in (HOUSE / room).rglob("*.py"))
    return tuple(_module(file) for file in files)


def _module(file: Path) -> Module:
    path = file.relative_to(HOUSE)
    return Module(path.parts[0], str(path), ast.parse(file.read_bytes(), filename=str(file)))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a module imports, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{start}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` for an attribute chain on a name, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = dotted(node.value)
        return f"{start}.{node.attr}" if start else ""
    return ""
