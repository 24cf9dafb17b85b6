"""What somebody can do about a problem: one file of advice for each, with where it comes from.

A file names classes, the families it is for (none: all of these classes), what is said of the
problem and which steps in which order. `infected.2` is the second step of that wording, which every
language has; any other name is a sentence of the library. A language whose sentences are missing,
or older than the English ones, has the steps of the playbook's wording instead.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.words.errors import Unusable
from tocsin.words.languages import SOURCE

_TEMPLATES = Path(__file__).parent.parent / "templates" / "subscribers"
FILES = _TEMPLATES / "advice"
SENTENCES = _TEMPLATES / "advice_texts"
_KEYS = {"kinds", "families", "what", "steps", "sources"}


@dataclass(frozen=True)
class Source:
    """Where advice comes from; unverified where its text was not seen."""

    title: str
    url: str
    unverified: bool = False


@dataclass(frozen=True)
class Advice:
    """One file: `what` and `steps` name texts, `families` in small letters."""

    name: str
    kinds: tuple[str, ...]
    families: tuple[str, ...]
    what: str
    steps: tuple[str, ...]
    sources: tuple[Source, ...]


@cache
def library() -> tuple[Advice, ...]:
    """Every file, by name; raises `Unusable` where one is not in order."""
    return tuple(_read(path) for path in sorted(FILES.glob("*.toml")))


def advice_for(kind: str, family: str) -> Advice:
    """Of the files for a class the one that names the family, else the one for all.

    Raises `Unusable` for a class that nobody is warned of.
    """
    of_kind = [one for one in library() if kind in one.kinds]
    named = [one for one in of_kind if family.lower() in one.families]
    general = [one for one in of_kind if not one.families]
    for one in (*named, *general):
        return one
    raise Unusable(f"there is no advice for the class {kind!r}. Possible: a file in {FILES.name}/")


@cache
def sentences_in(code: str) -> Mapping[str, Mapping[str, str]] | None:
    """`what` and `steps` of the library in a language; None where it has none that are current."""
    path = SENTENCES / f"{code}.toml"
    if not path.is_file():
        return None
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    english = sentences_in(SOURCE) if code != SOURCE else None
    if english is not None and facts["translated_from"] != digest_of(english):
        return None
    texts: Mapping[str, Mapping[str, str]] = facts["texts"]
    return texts


def digest_of(texts: Mapping[str, Mapping[str, str]]) -> str:
    """What a translation of the library names as its source."""
    said = json.dumps(dict(texts), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def spoken(
    advice: Advice, *, code: str, general: Mapping[str, Any]
) -> tuple[str, list[str]] | None:
    """What is said of a problem and what helps, in a language with its `general` texts.

    None where the library does not speak this language.
    """
    own = sentences_in(code)
    if own is None:
        return None
    what = own["what"].get(advice.what) or general[f"what_{advice.what}"]
    return what, [_step(name, own["steps"], general) for name in advice.steps]


def _step(name: str, own: Mapping[str, str], general: Mapping[str, Any]) -> str:
    wording, _, number = name.partition(".")
    return str(general[f"steps_{wording}"][int(number) - 1]) if number else own[name]


def _read(path: Path) -> Advice:
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        if wrong := facts.keys() ^ _KEYS:
            raise Unusable(f"{path.name}: {', '.join(sorted(wrong))}; its keys are {_said()}")
        return _made(path.stem, facts)
    except (tomllib.TOMLDecodeError, TypeError) as fault:
        raise Unusable(f"{path.name}: {fault}") from fault


def _made(name: str, facts: Mapping[str, Any]) -> Advice:
    kinds, families, steps = (tuple(facts[key]) for key in ("kinds", "families", "steps"))
    sources = tuple(Source(**one) for one in facts["sources"])
    if not (kinds and steps and sources):
        raise Unusable(f"{name}.toml: kinds, steps and sources are not empty")
    return Advice(name, kinds, families, str(facts["what"]), steps, sources)


def _said() -> str:
    return ", ".join(sorted(_KEYS))
