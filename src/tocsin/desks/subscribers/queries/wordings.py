"""What a subscriber is told: one file of texts for each language, with its status.

They lie apart from the catalogues of the node, as those of the warning page do: a subscriber is
written to in their own language, whatever else is translated. A language without a file is written
to in English. Plain text, nothing to click on, and nothing that only a log-in would show.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.desks.subscribers.queries.advice import advice_for, spoken
from tocsin.formats.short_message import MOST_PARTS, parts_of, plain
from tocsin.rules.playbooks import Playbook
from tocsin.words.errors import Unusable
from tocsin.words.languages import OFFICIAL, SOURCE

TEXTS = Path(__file__).parent.parent / "templates" / "subscribers" / "texts"
STATUSES = ("source", "machine", "reviewed")
_NAMES = (40, 20)  # characters of the provider's name in a text message


@dataclass(frozen=True)
class Words:
    """The texts in one language; `translated_from` is the digest of the English at that time."""

    code: str
    status: str
    reviewed_by: str
    reviewed_on: str
    translated_from: str
    texts: Mapping[str, Any]

    @property
    def note(self) -> str:
        """Who translated and reviewed it; "" for the source itself."""
        if self.status == "source":
            return ""
        if self.status == "machine" or self.is_outdated:
            return str(self.texts["machine"])
        return str(self.texts["reviewed"]).format(who=self.reviewed_by, day=self.reviewed_on)

    @property
    def is_outdated(self) -> bool:
        """Whether the English text is another than the one that was translated."""
        return self.status != "source" and self.translated_from != digest_of(words_in(SOURCE).texts)


@dataclass(frozen=True)
class Facts:
    """What a warning says of the matter: nothing that names another person or an address."""

    kind: str
    family: str
    device: str
    first_at: datetime
    last_at: datetime
    before_at: datetime | None = None


@dataclass(frozen=True)
class House:
    """Who writes: the provider's name, and where a code is checked ("": by phone alone)."""

    provider: str
    check: str = ""


def digest_of(texts: Mapping[str, Any]) -> str:
    """What a translation names as its source."""
    said = json.dumps(dict(texts), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def languages() -> tuple[str, ...]:
    """The languages that have texts."""
    return tuple(code for code in OFFICIAL if (TEXTS / f"{code}.toml").is_file())


def language_of(wanted: str) -> str:
    """The language somebody is written to in: theirs, or English."""
    code = wanted.lower().replace("_", "-").partition("-")[0]
    return code if code in languages() else SOURCE


@cache
def words_in(code: str) -> Words:
    """The texts in a language that has them; raises `Unusable` where its file is not in order."""
    facts = tomllib.loads((TEXTS / f"{code}.toml").read_text(encoding="utf-8"))
    if facts["status"] not in STATUSES:
        raise Unusable(f"{code}.toml: status is one of {', '.join(STATUSES)}")
    if facts["status"] == "reviewed" and not (facts["reviewed_by"] and facts["reviewed_on"]):
        raise Unusable(f"{code}.toml: who reviewed it, and on which day?")
    return Words(code, **facts)


def warning_text(
    code: str,
    *,
    language: str,
    playbook: Playbook,
    facts: Facts,
    house: House,
    is_limited: bool = False,
) -> tuple[str, str]:
    """Subject and text of a warning with its short code; of a limited line, how that is lifted."""
    words = words_in(language)
    text = words.texts
    where = text["check"].format(check=house.check) if house.check else text["check_phone"]
    what, said = _advice(words, playbook, facts)
    steps = enumerate(said, 1)
    parts = (
        [words.note],
        [text["hello"]],
        [text["why"]],
        [text["again"].format(day=day(facts.before_at))] if facts.before_at else [],
        _seen(text, what, facts),
        [text["do"], *(f"{number}. {step}" for number, step in steps)],
        [_limit(text, house)] if is_limited else [],
        [text["genuine"], text["genuine_how"], text["code"].format(code=code), where],
        [text["done"].format(days=playbook.clean_after.days)],
        [text["sign"].format(provider=house.provider)],
    )
    body = "\n\n".join("\n".join(part) for part in parts if any(part))
    return text["subject"].format(provider=house.provider), f"{body}\n"


def _limit(text: Mapping[str, str], house: House) -> str:
    return text["protected"].format(check=house.check) if house.check else text["protected_phone"]


def short_text(code: str, *, language: str, house: House) -> str:
    """The text message: who writes, the code, where it is checked; nothing of what was seen.

    The first of these that is not too long: the whole, with a name that is cut, without the
    address, in English.
    """
    facts = {"code": code, "check": house.check}
    for words in (words_in(language).texts, words_in(SOURCE).texts):
        for key in ("sms", "sms_phone") if house.check else ("sms_phone",):
            for most in _NAMES:
                said = plain(words[key].format(provider=house.provider[:most], **facts))
                if len(parts_of(said)) <= MOST_PARTS:
                    return said
    return code


def _advice(words: Words, playbook: Playbook, facts: Facts) -> tuple[str, list[str]]:
    """What it is and what helps: of the library, or as the playbook's wording has it."""
    text = words.texts
    found = spoken(advice_for(facts.kind, facts.family), code=words.code, general=text)
    name = playbook.wording
    return found or (str(text[f"what_{name}"]), list(text[f"steps_{name}"]))


def _seen(text: Mapping[str, str], what: str, facts: Facts) -> list[str]:
    device = text["device"].format(device=facts.device) if facts.device else text["device_unknown"]
    called = [text["called"].format(family=facts.family)] if facts.family else []
    when = text["when"].format(first=moment(facts.first_at), last=moment(facts.last_at))
    return [text["what"].format(what=what), *called, when, device]


def moment(at: datetime) -> str:
    """As everybody reads it, in any language."""
    return at.strftime("%Y-%m-%d %H:%M")


def day(at: datetime) -> str:
    """The day alone."""
    return at.strftime("%Y-%m-%d")
