"""The texts for the public, one file per official language, and the warning page made of them.

They lie apart from the catalogues of the node, because whoever is warned, reports, checks or
appeals needs all 24 languages, whatever else is translated. Each file says who translated and who
reviewed it.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation.trans_real import parse_accept_lang_header

from tocsin.words.errors import Unusable
from tocsin.words.languages import OFFICIAL, SOURCE

TEXTS = Path(__file__).parent.parent / "templates" / "shield" / "texts"
STATUSES = ("source", "machine", "reviewed")
_RIGHT_TO_LEFT = ("ar", "fa", "he", "ur", "yi")  # no official language of the Union is written so
TYPED = ("password", "card", "money", "identity", "program")
_GOOGLE = "https://support.google.com/webmasters/answer/3011658"
_WEB_DEV = "https://web.dev/articles/quarantine-your-site"
_GDPR = "https://eur-lex.europa.eu/eli/reg/2016/679/oj"


@dataclass(frozen=True)
class Advice:
    """One step of cleaning up: its text's key, and where it is from; "" where it is our own."""

    key: str
    source: str = ""
    address: str = ""


CLEAN_UP = (
    Advice("clean_offline", "web.dev: Quarantine your site", _WEB_DEV),
    Advice("clean_host", "Google Search Central: Build a support team", _GOOGLE),
    Advice("clean_copy"),
    Advice("clean_passwords", "web.dev: Quarantine your site", _WEB_DEV),
    Advice("clean_files"),
    Advice("clean_update"),
    Advice("clean_people", "GDPR, article 33(1)", _GDPR),
)


@dataclass(frozen=True)
class Words:
    """The texts in one language; `translated_from` is the digest of the English at that time."""

    code: str
    status: str
    reviewed_by: str
    reviewed_on: str
    translated_from: str
    texts: Mapping[str, str]

    @property
    def direction(self) -> str:
        """As HTML's `dir` has it."""
        return "rtl" if self.code in _RIGHT_TO_LEFT else "ltr"

    @property
    def note(self) -> str:
        """Who translated and reviewed it; "" for the source itself."""
        if self.status == "source":
            return ""
        if self.status == "machine" or self.is_outdated:
            return self.texts["machine"]
        return self.texts["reviewed"].format(who=self.reviewed_by, day=self.reviewed_on)

    @property
    def is_outdated(self) -> bool:
        """Whether the English text is another than the one that was translated."""
        return self.status != "source" and self.translated_from != digest_of(words_in(SOURCE).texts)


@dataclass(frozen=True)
class Links:
    """Where the page leads: addresses of the node, complete where the page lies elsewhere."""

    report: str
    check: str
    appeal: str
    owner: str


def digest_of(texts: Mapping[str, str]) -> str:
    """What a translation names as its source."""
    said = json.dumps(dict(texts), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


@cache
def words_in(code: str) -> Words:
    """The texts in an official language; raises `Unusable` where its file is not in order."""
    facts = tomllib.loads((TEXTS / f"{code}.toml").read_text(encoding="utf-8"))
    if facts["status"] not in STATUSES:
        raise Unusable(f"{code}.toml: status is one of {', '.join(STATUSES)}")
    if facts["status"] == "reviewed" and not (facts["reviewed_by"] and facts["reviewed_on"]):
        raise Unusable(f"{code}.toml: who reviewed it, and on which day?")
    return Words(code, **facts)


def spoken_in(language: str) -> Words:
    """As `words_in`, for what is on file of somebody: another language is English."""
    return words_in(language if language in OFFICIAL else SOURCE)


def language_for(chosen: str, accepted: str) -> str:
    """The language that was chosen, or the first that the browser asks for, or English."""
    if chosen in OFFICIAL:
        return chosen
    for tag, _weight in parse_accept_lang_header(accepted[:500].lower()):
        if (code := tag.partition("-")[0]) in OFFICIAL:
            return code
    return SOURCE


def warning_page(
    code: str,
    *,
    links: Links,
    style: str,
    switch: str,
    host: str = "",
    brand: str = "",
    is_listed: bool = False,
    is_counted: bool = False,
) -> str:
    """The page somebody sees who was led away from a listed name.

    A `host` that is not `is_listed` is no warning: the page says so, and nothing of fraud.
    `switch` is the address of the same page in the language `{code}`.
    """
    words = words_in(code)
    said = around(words, style=style, switch=switch) | {
        "host": host,
        "unlisted": format_html(words.texts["unlisted"], host=host) if host else "",
        "imitates": format_html(words.texts["imitates"], brand=brand) if brand else "",
        "is_listed": is_listed,
        "is_counted": is_counted,
        "typed": [words.texts[key] for key in TYPED],
        "links": links,
    }
    return render_to_string("shield/warning.html", said)


def owner_page(code: str, *, recheck: str, style: str, switch: str) -> str:
    """What the owner of a site that was broken into can do, and where to ask for a re-check."""
    words = words_in(code)
    sources = {one.address: one.source for one in CLEAN_UP if one.source}
    said = around(words, style=style, switch=switch) | {
        "steps": [words.texts[one.key] for one in CLEAN_UP],
        "recheck": recheck,
        "sources": [(name, address) for address, name in sources.items()],
    }
    return render_to_string("shield/owner.html", said)


def around(words: Words, *, style: str, switch: str) -> dict[str, Any]:
    """What all pages in these languages share."""
    return {
        "words": words,
        "text": words.texts,
        "style": style,
        "english": switch.replace("{code}", SOURCE),
        "languages": [(one, name, switch.replace("{code}", one)) for one, name in OFFICIAL.items()],
    }
