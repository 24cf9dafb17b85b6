"""Sentences of the rooms that know no language, in the language of whoever reads them.

Rooms below the office say what happened in English: why somebody is told, why something is
refused. A page shows such a sentence through `said`, which knows its shape out of one table; a
sentence that is not in the table stays English.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, pgettext

from tocsin.rules.disclosure import DISCLOSURE
from tocsin.rules.lifecycle import who
from tocsin.rules.response import DEADLINES
from tocsin.words.competences import Competence
from tocsin.words.languages import SOURCE

# Why somebody is told (`flow`).
_REASONS = (
    "AS%(asn)s held %(range)s in %(source)s",
    "the report says AS%(asn)s",
    "%(range)s belonged to %(country)s in %(source)s",
    "the report says %(country)s",
    "%(value)s is in the remit of %(party)s (%(source)s)",
    "%(name)s is under a top-level domain of the state",
    "%(name)s is under its own domain %(domain)s",
    "%(name)s is under .%(domain)s",
    "%(name)s is under %(domain)s",
    "%(name)s carries its name",
    "the report names it as the target",
    "it sent the report",
    "agreement %(reference)s",
    "no: many lines share this address and the report names no source port",
)
# What stands inside a sentence: where the knowledge comes from; that there is no step.
_PARTS = (
    "the snapshot of %(day)s",
    "the overlay %(name)s",
    "nothing, %(state)s is the end",
    "1 to 60 of a-z, 0-9 and -, not beginning with -",
    "a tag such as en or nl-BE",
    "one word in lower case, such as abuse or security",
    "a number that begins with + and country",
    "an address that begins with https://",
)
# Keys of a party file, where a line says in which of them something is wrong.
_KEYS = (
    *("address", "agreement", "asn", "basis", "brand", "channel", "contact", "country"),
    *("delivery", "domain", "everything", "format", "hours", "id", "interval", "key", "kind"),
    *("language", "languages", "name", "prefix", "purpose", "reference", "relation", "remit"),
    *("role", "since", "source", "tld", "until", "value"),
)
_IN_PARTY = "party %(party)s"
# What the thread of a case says (`desks.response.actions`).
_CHANGES = (
    "assigned to nobody",
    "assigned to %(name)s",
    "tagged %(word)s",
    "no longer %(word)s",
    "redirected from %(before)s to %(after)s",
    "split off %(case)s: %(within)s",
)
# What is refused or cannot be used, where pages can come to it.
_REFUSALS = (
    "%(noun)s: %(who)s cannot %(step)s while %(state)s. Possible: %(steps)s",
    "%(permission)s needs a mandate with %(competence)s",
    "%(party)s is kept by imports from %(source)s. Possible: take it over, then change it",
    "there is a party %(slug)s. Possible: another short name",
    "%(party)s runs this node. Possible: tocsin people run-node ANOTHER",
    "%(fields)s: whoever runs this node says that of a party",
    "whoever runs this node says which folder is whose. Possible: leave it out",
    "%(value)s must be one line of at most %(longest)s characters",
    "%(value)s is no country. Possible: ISO 3166-1 alpha-2, such as BE",
    "%(value)s is no AS number. Possible: 1 to %(last)s, without AS",
    "%(value)s has a zone; addresses of a party have none",
    "%(value)s does not fit. Possible: %(possible)s",
    "%(value)s is no domain name. Possible: labels of a-z, 0-9, - and dots",
    "%(value)s is no network. Possible: 192.0.2.0/24, 2001:db8::/32, 192.0.2.10-192.0.2.77",
    "%(value)s has host bits set. Possible: %(possible)s",
    (
        "%(value)s is no address, network, domain or URL. Possible: 192.0.2.7, 2001:db8::/48, "
        "name.example, https://name.example/path"
    ),
    "%(value)s is not valid for %(name)s",
    "%(value)s is no mail address. Possible: ada@cert.example",
    "a person has a name of one line, at most 200 characters",
    "a token has a name of one line, at most 100 characters",
    "a token runs out within a year. Possible: a day from tomorrow on",
    "a mandate ends after today. Possible: a later day, or none",
    "%(competences)s is more than you may do at %(party)s yourself. Possible: %(possible)s",
    (
        "%(party)s would have nobody left who administers it. Possible: invite a successor first; "
        "the operator of the node can end it all the same"
    ),
    "this invitation was used, withdrawn, or is too old. Ask for another",
    "this invitation is for somebody else. Possible: sign out first",
    "this organisation takes no part any more",
    "whoever invited you may do so no more. Possible: ask for another invitation",
    "there is an account for this address. Possible: sign in with it first",
    "%(party)s sent %(count)s invitations within a day. Possible: tomorrow",
    "there is a group called %(name)s. Possible: another name",
    "%(name)s has ended. Possible: make another group",
    "a saved filter has a name of at most %(longest)s letters",
    "there is no filter to keep. Possible: choose one first",
    "at most %(most)s filters are kept. Possible: drop one first",
    "a text has at most %(most)s letters, not %(count)s",
    "there is nothing in it. Possible: write what is to be said",
    "%(count)s cases at once. Possible: 1 to %(most)s",
    "%(count)s cases to merge. Possible: 1 to %(most)s others",
    "a case has at most %(most)s tags. Possible: take one off first",
    "a tag is one word or a few, at most %(longest)s letters",
    "nobody of the desk has this id. Possible: somebody who handles cases",
    "case %(case)s was merged itself. Possible: one that is open",
    "case %(case)s is %(state)s. Possible: one that is open",
    "case %(case)s is %(party)s's. Possible: another party",
    (
        "case %(case)s is not told to %(party)s as %(relation)s like %(other)s. Possible: "
        "cases of one party and relation"
    ),
    (
        "%(some)s of the %(all)s events of case %(case)s lie in %(where)s. Possible: a network or "
        "domain with some of them and not all"
    ),
    (
        "%(name)s: of a report like this no byte may be kept, so that it cannot wait here. "
        "Possible: tocsin route, which refers it at once"
    ),
    "a subject has at most 200 letters",
    "nobody is aware of an incident before it is. Possible: a moment gone by",
    "a field that no ruling names was withheld: no rule opens it",
    "no rule opens this field",
    "passwords, payloads and requests leave the node to nobody",
    "GDPR 5(1)(c), 32 (unverified)",
    "%(article)s (unverified)",
    "no transfer: the recipient is inside the European Economic Area",
    "GDPR 45: adequacy decision of %(day)s (unverified)",
    "%(value)s is no state. Possible: %(possible)s",
    "%(value)s is no day. Possible: 2026-11-23",
    "%(value)s is no class. Possible: %(possible)s",
    "%(value)s is no country. Possible: %(possible)s",
    "%(value)s is nobody. Possible: me, nobody, or a person's id",
    "%(name)s: too much at once. Possible: %(words)s words of %(letters)s letters",
    "only somebody who sees cases keeps filters of them",
    "only the desk writes for the desk. Possible: write for both",
    (
        "nobody waits for an answer to this: it was brought in by the desk itself, or only to see "
        "what routing would do"
    ),
    "case %(case)s is not of %(party)s. Possible: one of its own",
    (
        "%(value)s is no network and no domain. Possible: 192.0.2.0/26, 2001:db8:1::/64, "
        "shop.example"
    ),
    (
        "looking at %(permission)s needs a reason. Possible: the number of the case or of the "
        "request"
    ),
    "this delivery is %(state)s and is not handed over. Possible: ask the node that made it",
    "the file is no more: files go 90 days after they were delivered",
    "a mapping has at most %(most)s KiB",
    "the mapping is no UTF-8 text. Possible: a TOML file",
    "a mapping is for CSV, not for %(name)s. Possible: leave one of them out",
    "%(name)s is read with a mapping file. Possible: --mapping mapping.toml",
    "mapping is not TOML: %(fault)s",
    "mapping: %(field)s is no field of the IntelMQ Data Format. Possible: %(possible)s",
    (
        "%(name)s: the mapping names %(columns)s, which the file does not have. Its columns: "
        "%(possible)s"
    ),
    (
        "%(name)s: in no format that Tocsin reads. Possible: %(possible)s; any other CSV with "
        "--mapping."
    ),
    # Of a party, mostly after the place in its file.
    "there is no party %(party)s",
    "is missing",
    "names nothing. Possible: %(possible)s",
    "%(value)s is no text",
    "%(value)s is unknown. Possible: %(possible)s",
    "%(value)s is one label. Possible: name.example, or tld = [...]",
    "%(value)s has a dot. Possible: one label such as eu, or domain = [...]",
    "%(value)s is not ASCII. Possible: its A-label (xn--…)",
    "%(value)s is no range. Possible: first-last, such as 192.0.2.10-192.0.2.77",
    "%(value)s mixes IPv4 and IPv6",
    "%(value)s ends before it begins. Possible: %(possible)s",
    "%(value)s is for mail; over %(channel)s each delivery goes by itself",
    (
        "mail address %(value)s cannot be used. Possible: name@host.example, the host as it stands "
        "in the DNS (xn--…); several with commas between them"
    ),
    (
        "folder address %(value)s: %(name)s cannot be a folder below the root. Possible: names of "
        "letters, digits and . _ - joined by /, not beginning with ."
    ),
    "webhook address: only https is spoken. Possible: https://hooks.example/",
    "no https address with a host. Possible: https://hooks.example/tocsin",
    "the URL has %(count)s characters. Possible: at most %(most)s",
    "the URL holds a name or a password before @. Possible: leave them out",
    "the URL has a fragment (#…), which is never sent. Possible: leave it out",
    "%(value)s is no host name (%(fault)s). Possible: hooks.example",
    "%(value)s is neither a name nor an address. Possible: 198.51.100.7",
    "there is no file %(name)s. Possible: the armoured key itself",
    "is longer than %(most)s characters. Possible: its minimal export",
    "is a private key. Possible: the public half alone; renew the key",
    "is no armoured OpenPGP key. Possible: a text that begins with %(begins)s",
    "is no OpenPGP key that can be read: %(fault)s",
    "holds %(count)s keys. Possible: one key per party",
    (
        "%(party)s has a webhook secret, and it is shown only once. Possible: --renew makes "
        "another, and both sign until --retire"
    ),
    # Of people.
    "%(competences)s cannot be held at %(party)s, %(role)s. Possible: %(possible)s",
    "the name of a group is one line, at most %(longest)s characters",
    "the purpose of a group is one line, at most %(longest)s characters",
    "nothing is no scope. Possible: %(possible)s",
    "%(scopes)s: this mandate does not open it for a program. Possible: %(possible)s",
)
# What the shield refuses, why a listing is as wide as it is, and what warns of it.
_SHIELD = (
    (
        "listing: %(why)s. Nobody can override that. Possible: reject it, or tell whoever runs "
        "the name"
    ),
    "listing: %(why)s. Nobody can override that. Possible: reject",
    "listing: %(why)s. Possible: a third person overrides it with a reason, or reject",
    "listing: there is no warning to override. Possible: confirm, or reject",
    "listing: %(covers)s would be too wide: %(why)s. Possible: %(scopes)s",
    (
        "listing: no address was found in these messages, so there is nothing to list. "
        "Possible: reject them, or wait until the letters in their pictures are read"
    ),
    "listing: nobody reported %(value)s in this group. Possible: %(possible)s and %(count)s more",
    "listing: nobody reported %(value)s in this group. Possible: %(possible)s",
    "listing: %(value)s is %(state)s already (%(reference)s). Possible: look at that one",
    "group: it is %(state)s already. Possible: nothing now",
    "a reason is needed: whoever is blocked, and whoever judges it, reads it",
    "a legal basis is needed: whoever is blocked, and whoever judges it, reads it",
    "%(value)s is no scope. Possible: %(possible)s",
    "%(value)s is no address. Possible: 192.0.2.7, or none",
    (
        "listing: a listing is approved by two different people. You took '%(step)s', so you "
        "cannot %(next)s. Possible: somebody else with %(competence)s"
    ),
    (
        "listing: an override of a warning is a third person's. You took '%(step)s', so you "
        "cannot %(next)s. Possible: somebody else with %(competence)s"
    ),
    (
        "appeal: nobody decides an appeal against a listing that they approved. You took "
        "'%(step)s', so you cannot %(next)s. Possible: somebody else with %(competence)s"
    ),
    (
        "appeal: what it is against is also listed as %(reference)s, and nobody decides an "
        "appeal against a listing that they approved. Possible: somebody else with "
        "shield.review who listed none of it, or first withdraw %(other)s"
    ),
    "a decision needs a reason: whoever filed the appeal reads it",
    "%(name)s is an address without a name",
    "%(name)s is a public suffix: anybody may have a name under it",
    "%(name)s shortens links of everybody",
    "%(name)s hosts pages of everybody",
    "a person says that %(name)s serves something else too, or was broken into",
    "%(name)s is one of the most visited sites: it serves something else too",
    "%(value)s, one of the most visited sites, is under %(name)s",
    "%(value)s, which everybody uses, is under %(name)s",
    "anybody may have a name under %(value)s, which is under %(name)s",
    "%(name)s is the site of %(domain)s itself",
    "of %(domain)s only %(name)s is known for fraud",
    "%(count)s hosts of %(domain)s serve fraud, such as %(name)s and %(other)s",
    "%(name)s also serves %(value)s, which nobody reported",
    "%(name)s is under %(domain)s too, and nobody reported it",
    "%(name)s was listed before, and looked at again it was not fraud, or not any more",
    "%(name)s was looked at, and nothing of it was listed",
    "narrowed by a person",
    "%(name)s falls under %(value)s, %(caution)s",
    "%(name)s has %(value)s below it, %(caution)s",
    "%(name)s is a name that always passes",
    "%(name)s is a public suffix",
    "%(name)s is an essential service",
    "%(name)s is a name of a public body",
    "%(name)s is one of the most visited sites",
    "%(name)s is a brand's own name",
    (
        "the address holds what looks like somebody's mailbox, for all to read (instead: the "
        "domain %(domain)s, or %(value)s)"
    ),
    (
        "the address holds what looks like somebody's mailbox, for all to read (instead: the host "
        "%(host)s, or %(value)s)"
    ),
    "the address holds what looks like somebody's mailbox, for all to read (without it: %(value)s)",
)
_SHIELD_PARTS = (
    "the registrable domain and every name below it",
    "the host name and every name below it",
    "a name that always passes",
    "a public suffix",
    "an essential service",
    "a name of a public body",
    "one of the most visited sites",
    "a brand's own name",
)
# Its steps and states, inside a sentence.
_SHIELD_WORDS = (
    "approve",
    "confirm",
    "override",
    "renew",
    "take",
    "uphold",
    "dismiss",
    "proposed",
    "approved",
    "listed",
    "renewing",
    "rejected",
)
LONGEST = 600  # a sentence; what is longer holds somebody's text, and takes long to be told apart
_ARTICLE = re.compile(r"^(?:an?|the) ([a-z ]+?)(?= without |$)")
_STEP = re.compile(r"([a-z]+(?: [a-z]+)*) \(by ([^()]*)\)")
_SLOT = re.compile(r"%\((\w+)\)s")
_PLACE = re.compile(r"party ('[a-z0-9-]{1,60}'), ([a-z_]+(?: \d+)?(?:, [a-z_]+)*): (.+)", re.DOTALL)


@cache
def sentences() -> tuple[str, ...]:
    """Every sentence that can be translated; those of the rules are theirs."""
    purposes = (text for row in DISCLOSURE for text in (row.purpose, row.basis))
    agreed = (row.basis for row in DEADLINES)
    shield = (*_SHIELD, *_SHIELD_PARTS, *_SHIELD_WORDS)
    shapes = (*_REASONS, *_PARTS, *_CHANGES, *_REFUSALS, *shield, _IN_PARTY, *_KEYS)
    return tuple(dict.fromkeys((*shapes, *purposes, *agreed)))


def said(text: str) -> str:
    """A sentence in the language of the page; in English where its shape is not known."""
    spoken = (translation.get_language() or SOURCE).partition("-")[0]
    if not text or len(text) > LONGEST or spoken == SOURCE:
        return text
    return "\n".join(_placed(one) for one in text.split("\n"))


def _placed(text: str) -> str:
    """One line; what is wrong in a party file begins with the place, key by key."""
    if found := _PLACE.fullmatch(text):
        party, place, fault = found.groups()
        keys = ", ".join(_key(key) for key in place.split(", "))
        return line(f"{gettext(_IN_PARTY) % {'party': party}}, {keys}", _whole(fault))
    return _whole(text)


def _key(key: str) -> str:
    word, blank, number = key.partition(" ")
    return f"{gettext(word) if word in _KEYS else word}{blank}{number}"


def _whole(text: str) -> str:
    if (whole := _said(text)) is not None:
        return whole
    return "; ".join(_said(part) or part for part in text.split("; "))


def _said(text: str) -> str | None:
    for shape, sentence in _shapes():
        if found := shape.fullmatch(text):
            words = {name: _part(name, word) for name, word in found.groupdict().items()}
            return gettext(sentence) % words if words else gettext(sentence)
    return None


def _part(name: str, text: str) -> str:
    """What fills a gap: itself, but for the few things that are named in words."""
    if name in ("next", "noun", "role", "state", "step"):
        return gettext(text.replace("_", " "))
    if name == "why":
        return _whole(text)
    for part in (*_PARTS, *_SHIELD_PARTS):
        if found := _shape(part).fullmatch(text):
            return gettext(part) % {
                gap: _part(gap, word) for gap, word in found.groupdict().items()
            }
    if name == "who":
        return _ARTICLE.sub(lambda found: gettext(found.group(1)), text)
    if name == "steps":
        return _STEP.sub(
            lambda found: f"{gettext(found.group(1))} ({_roles(found.group(2))})", text
        )
    return text


def _roles(text: str) -> str:
    if text == who(Competence.NODE_RECORD):
        return gettext("the node")
    return ", ".join(gettext(role) for role in re.split(r", | or ", text))


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Those without a gap first, then those with most words of their own."""
    whole = [one for one in sentences() if one not in (*_KEYS, *_SHIELD_WORDS)]
    ordered = sorted(whole, key=lambda one: (len(_SLOT.findall(one)), -len(one)))
    return tuple((_shape(one), one) for one in ordered)


@cache
def _shape(sentence: str) -> re.Pattern[str]:
    pieces = _SLOT.split(sentence)
    text = "".join(
        f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile(text, re.DOTALL)


def line(name: str, fact: str) -> str:
    """A name and what it says, with the sign that the language puts between them."""
    return f"{name}{pgettext('between a name and what it says', ':')} {fact}"


# ── the language of somebody who is written to ───────────────────────────────────────────


def offered(language: str) -> str:
    """The language in which somebody is written to: theirs where it is complete, or English."""
    code = language.partition("-")[0].lower()
    return code if code in dict(settings.LANGUAGES) else SOURCE


@contextmanager
def speaking(language: str) -> Iterator[str]:
    """What is worded inside is in this language, or in English; gives which it is."""
    chosen = offered(language)
    with translation.override(chosen):
        yield chosen
