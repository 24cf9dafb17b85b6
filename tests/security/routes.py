"""Every route that the node has, read off Django and the API, with what its address names.

A route added later is asked by every test here without anyone thinking of it. One whose address
names something that no noun says cannot be asked: `addressed` fails, and with it each test.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

from tocsin.node.api.site import api

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# What a parameter of a route names: by route, else by the beginning of its name.
NOUNS: Mapping[tuple[str, str], str] = {
    ("people:withdraw", "uid"): "invitation",
    ("people:accept", "secret"): "secret",
    ("people:end_mandate", "uid"): "mandate",
    ("people:make_token", "uid"): "own mandate",
    ("people:end_token", "uid"): "token",
    ("people:group", "uid"): "group",
    ("people:people", "slug"): "party",
    ("people:invite", "slug"): "party",
    ("parties:", "slug"): "party",
    ("response:case", "uid"): "case",
    ("response:delivery", "uid"): "delivery",
    ("response:intake", "uid"): "intake",
    ("response:answer_reporter", "uid"): "intake",
    ("response:report", "uid"): "report",
    ("response:notification", "uid"): "notification",
    ("shield:group", "uid"): "lure",
    ("shield:message", "uid"): "message",
    ("shield:listing", "uid"): "listing",
    ("shield:appeal", "uid"): "appeal",
    ("shield:name", "uid"): "name",
    ("shield:recheck", "uid"): "recheck",
    ("shield:outcome", "reference"): "reference",
    ("shield:list", "word"): "list",
    ("shield:list", "form"): "form",
    ("api:shield/listings", "uid"): "listing",
    ("public_log", "path"): "checkpoint",
    ("file", "ticket"): "ticket",
    ("mfa_remove_webauthn", "pk"): "passkey",
    ("mfa_edit_webauthn", "pk"): "passkey",
    ("openid_connect_", "provider_id"): "provider",
    ("saml_", "organization_slug"): "provider",
    ("account_reset_password_from_key", "uidb36"): "account",
    ("account_reset_password_from_key", "key"): "key",
    ("api:cases", "uid"): "case",
    ("api:deliveries", "uid"): "delivery",
    ("api:notifications", "uid"): "notification",
    ("api:reports", "uid"): "intake",
    ("api:uploads", "uid"): "upload",
    ("api:", "name"): "tag",
}
# What is no matter of a party: the same for everybody who asks.
NOBODYS = {
    "checkpoint": "checkpoint",
    "provider": "none",
    "ticket": "none",  # whoever holds one gets the file: test_files.py
    "list": "public",  # whoever knows the word gets the list: tests/desks/shield
    "form": "rpz",
    "account": "1",
    "key": "set-password",
    "tag": "meadow",
}


@dataclass(frozen=True)
class Route:
    """One route; `nouns` says what its address names, in the address's order."""

    name: str
    pattern: str
    nouns: tuple[tuple[str, str], ...]
    view: Any = None

    def address(self, objects: Mapping[str, str]) -> str:
        """The path with these things in it."""
        path = self.pattern
        for parameter, noun in self.nouns:
            word = objects.get(noun) or NOBODYS[noun]
            dashed = str(UUID(word)) if f"<uuid:{parameter}>" in path else word
            path = re.sub(rf"<(?:\w+:)?{parameter}>", dashed, path, count=1)
        return f"/{path}"

    @property
    def is_ours(self) -> bool:
        """Whether the page is the project's own and not a library's form about oneself."""
        return not self.name.startswith(_SIGN_IN)

    @property
    def writes(self) -> bool:
        """Whether it takes a POST, as far as its view says; one that says nothing takes it."""
        said = _methods(self.view)
        return said is None or "POST" in said

    @property
    def reads(self) -> bool:
        """Whether it takes a GET."""
        said = _methods(self.view)
        return said is None or "GET" in said

    @property
    def owned(self) -> tuple[str, ...]:
        """The nouns that belong to a party or a person."""
        return tuple(noun for _, noun in self.nouns if noun not in NOBODYS)


# allauth's own forms.
_SIGN_IN = (
    *("account_", "mfa_", "usersessions_"),
    *("socialaccount_", "openid_connect_", "saml_"),
)
_VERBS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _methods(view: Any) -> frozenset[str] | None:
    """What `require_http_methods` around a view lets through; None where nothing is around it."""
    while view is not None:
        for cell in view.__closure__ or ():
            held = cell.cell_contents
            if isinstance(held, (list, tuple)) and held and _VERBS.issuperset(held):
                return frozenset(held)
        view = getattr(view, "__wrapped__", None)
    return None


def noun_of(route: str, parameter: str) -> str:
    """What a parameter names; raises `LookupError` where nobody said."""
    fits = [key for key in NOUNS if key[1] == parameter and route.startswith(key[0])]
    if not fits:
        raise LookupError(
            f"{route} names {parameter!r}, and no test knows what that is: add it to NOUNS, and "
            "one of each side to tests/security/town.py"
        )
    return NOUNS[max(fits, key=lambda key: len(key[0]))]


def pages() -> list[Route]:
    """Every page: all routes but the API's."""
    return [row for row in _all() if not row.name.startswith("api:")]


def _all() -> Iterator[Route]:
    for pattern, name, view in _walk(get_resolver(), "", ()):
        plain = _plain(pattern)
        named = tuple((found, noun_of(name, found)) for found in _PARAMETER.findall(plain)
                      if not name.startswith("api:"))  # fmt: skip
        yield Route(name, plain, named, view)


def _walk(
    resolver: URLResolver, before: str, spaces: tuple[str, ...]
) -> Iterator[tuple[str, str, Any]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            inner = (*spaces, one.namespace) if one.namespace else spaces
            yield from _walk(one, before + str(one.pattern), inner)
        elif isinstance(one, URLPattern):
            name = ":".join((*spaces, one.name or str(one.pattern)))
            yield before + str(one.pattern), name, one.callback


def _plain(pattern: str) -> str:
    """A regular expression of a library as the same kind of pattern."""
    return re.sub(r"\(\?P(<\w+>)[^)]*\)", r"\1", pattern).replace("^", "").replace("$", "")


def calls() -> list[tuple[str, Route]]:
    """Every call of the API with its method in capitals."""
    found = []
    for method, path, _ in api.scopes():
        plain = re.sub(r"\{(\w+)\}", r"<\1>", path).removeprefix("/")
        name = f"api:{plain}"
        nouns = tuple((one, noun_of(name, one)) for one in _PARAMETER.findall(plain))
        found.append((method.upper(), Route(name, plain, nouns)))
    return sorted(found, key=lambda row: (row[1].pattern, row[0]))
