"""How wide a listing of the shield may be: the registrable domain, the host, or one address.

Chosen by what else stands there, and said in a sentence; people may narrow it and never widen it.
What many people share (hosting, shorteners, public suffixes) never becomes a name to block.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tocsin.flow.domains import parents, registrable_domain, suffix_below
from tocsin.flow.mailboxes import holds_mailbox, without_mailboxes
from tocsin.flow.urls import Landing, read_url
from tocsin.rules.listing import CAUTIONS, SCOPES, Caution, Scope, broken_into
from tocsin.words.errors import Refused


@dataclass(frozen=True)
class Lists:
    """What a node knows of names, in ASCII and lower case, each with everything below it."""

    shared_hosting: frozenset[str] = frozenset()
    shorteners: frozenset[str] = frozenset()
    cautions: Mapping[Caution, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def shared_below(self) -> Mapping[str, str]:
        """Each name with shared hosting or a shortener at or below it, and one such entry."""
        entries = sorted(self.shared_hosting | self.shorteners)
        return {above: name for name in entries for above in parents(name)}

    @cached_property
    def below(self) -> Mapping[Caution, Mapping[str, str]]:
        """By caution: each name that has an entry below it, and one such entry."""
        return {
            caution: {above: name for name in sorted(names) for above in parents(name)[1:]}
            for caution, names in self.cautions.items()
        }


@dataclass(frozen=True)
class Seen:
    """Another URL on the same host or domain, and whether it is fraud too; `why` it is not."""

    landing: Landing
    is_fraud: bool
    why: str = ""


@dataclass(frozen=True)
class Site:
    """What is known of the site itself.

    `is_shared`: a person says that it serves something else too, or was broken into. `imitates`:
    its name is like a brand's, so that it was registered for fraud, whatever its paths look like.
    """

    is_shared: bool = False
    imitates: bool = False


UNKNOWN = Site()


@dataclass(frozen=True)
class Choice:
    """What to list. `value`: a name, or a URL in one spelling. `because` is for people.

    `warnings`: kind to sentence; a listing waits until a third person has overridden each.
    `is_final`: one of them can be overridden by nobody.
    """

    scope: Scope
    value: str
    because: str
    warnings: Mapping[Caution, str]
    is_final: bool


def choose_scope(
    url: str, *, lists: Lists, others: Iterable[Seen] = (), site: Site = UNKNOWN
) -> Choice:
    """The widest scope that takes nobody innocent with it; raises `Unreadable`."""
    landing = read_url(url)
    scope, value, because = _chosen(landing, lists, tuple(others), site)
    return _with_warnings(landing, scope, value, because, lists)


def narrowed(
    url: str, scope: Scope, *, lists: Lists, others: Iterable[Seen] = (), site: Site = UNKNOWN
) -> Choice:
    """A narrower scope than the chosen one, as a person wants it; raises `Refused` for a wider."""
    landing, found = read_url(url), choose_scope(url, lists=lists, others=others, site=site)
    order = list(Scope)
    if order.index(scope) < order.index(found.scope):
        raise Refused(
            f"listing: {SCOPES[scope].covers} would be too wide: {found.because}. Possible: "
            f"{' or '.join(order[order.index(found.scope) :])}"
        )
    if scope is found.scope:
        return found
    value = landing.host if scope is Scope.HOST else landing.text
    wider = found if found.scope is not Scope.URL else None
    return _with_warnings(landing, scope, value, "narrowed by a person", lists, wider=wider)


def _chosen(
    landing: Landing, lists: Lists, others: tuple[Seen, ...], site: Site
) -> tuple[Scope, str, str]:
    host = landing.host
    if why := why_no_name(landing, lists) or _own_life(landing, others, site):
        return Scope.URL, landing.text, why
    top = None if site.imitates else _visited(host, lists)
    if why := top or _taken_along(host, landing, lists, others):
        return Scope.URL, landing.text, why
    domain = registrable_domain(host) or host
    top = None if site.imitates else _visited(domain, lists)
    if why := top or _taken_along(domain, landing, lists, others):
        return Scope.HOST, host, why
    if host in (domain, f"www.{domain}"):
        return Scope.DOMAIN, domain, f"{host} is the site of {domain} itself"
    same = {one.landing.host for one in others if _is_under(one.landing.host, domain)}
    if same - {host}:
        names = sorted(same | {host})
        said = f"{len(names)} hosts of {domain} serve fraud, such as {names[0]} and {names[1]}"
        return Scope.DOMAIN, domain, said
    return Scope.HOST, host, f"of {domain} only {host} is known for fraud"


def why_no_name(landing: Landing, lists: Lists) -> str | None:
    """Why a host is nobody's own, so that no name may be blocked; None where it is somebody's."""
    host = landing.host
    if landing.is_address:
        return f"{host} is an address without a name"
    if registrable_domain(host) is None:
        return f"{host} is a public suffix: anybody may have a name under it"
    if entry := _entry_above(host, lists.shorteners):
        return f"{entry} shortens links of everybody"
    if entry := _entry_above(host, lists.shared_hosting):
        return f"{entry} hosts pages of everybody"
    return None


def _own_life(landing: Landing, others: tuple[Seen, ...], site: Site) -> str | None:
    """Why the site is somebody's who did nothing: people say so, or the path does."""
    host = landing.host
    if site.is_shared:
        return f"a person says that {host} serves something else too, or was broken into"
    domain = registrable_domain(host) or host
    names = {one.landing.host for one in others if one.is_fraud and one.landing.host != host}
    if site.imitates or any(_is_under(name, domain) for name in names):
        return None
    if place := broken_into(landing.path):
        return f"{place}: {host} was probably broken into"
    return None


def _taken_along(name: str, landing: Landing, lists: Lists, others: tuple[Seen, ...]) -> str | None:
    """Somebody innocent who would be blocked with a name, or None."""
    for one in others:
        if not one.is_fraud and _is_under(one.landing.host, name):
            return _said_of(one, name, landing)
    if entry := lists.shared_below.get(name):
        return f"{entry}, which everybody uses, is under {name}"
    if suffix := suffix_below(name):
        return f"anybody may have a name under {suffix}, which is under {name}"
    return None


def _said_of(one: Seen, name: str, landing: Landing) -> str:
    host = one.landing.host
    if one.why:
        return f"{host} {one.why}"
    if host == landing.host:
        text = without_mailboxes(one.landing).text
        return f"{host} also serves {text}, which nobody reported"
    return f"{host} is under {name} too, and nobody reported it"


def _visited(name: str, lists: Lists) -> str | None:
    """A site that many people visit for its own sake, at a name, above it or below it."""
    entries = lists.cautions.get(Caution.TOP_SITE, frozenset())
    said = CAUTIONS[Caution.TOP_SITE].said
    if entry := _entry_above(name, entries):
        return f"{entry} is {said}: it serves something else too"
    if entry := lists.below.get(Caution.TOP_SITE, {}).get(name):
        return f"{entry}, {said}, is under {name}"
    return None


def _entry_above(name: str, entries: frozenset[str]) -> str | None:
    """The entry that a name is, or stands below."""
    return next((above for above in parents(name) if above in entries), None)


def _is_under(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


# ── warnings ─────────────────────────────────────────────────────────────────────────────


def _with_warnings(
    landing: Landing,
    scope: Scope,
    value: str,
    because: str,
    lists: Lists,
    *,
    wider: Choice | None = None,
) -> Choice:
    is_name = SCOPES[scope].is_blocked_by_name
    warnings = cautions_of(value if is_name else landing.host, lists=lists, is_name=is_name)
    if not is_name and holds_mailbox(landing):
        warnings[Caution.MAILBOX] = (
            f"the address holds {CAUTIONS[Caution.MAILBOX].said}, for all to read "
            f"({_without(landing, wider)})"
        )
    is_final = any(not CAUTIONS[caution].is_overridable for caution in warnings)
    return Choice(scope, value, because, warnings, is_final)


def _without(landing: Landing, wider: Choice | None) -> str:
    """What could be listed instead, that names nobody."""
    text = without_mailboxes(landing).text
    if wider is None:
        return f"without it: {text}"
    return f"instead: the {wider.scope} {wider.value}, or {text}"


def cautions_of(name: str, *, lists: Lists, is_name: bool = True) -> dict[Caution, str]:
    """Each list that a name, what is above it or what is below it stands on, with a sentence.

    `is_name`: the name would be blocked; otherwise one address on it, which harms nothing below.
    """
    found: dict[Caution, str] = {}
    for caution, rule in CAUTIONS.items():
        if is_name or rule.warns_of_urls:
            where = _where(name, caution, lists, is_name=is_name)
            found |= {caution: f"{where}{rule.said}"} if where else {}
    return found


def _where(name: str, caution: Caution, lists: Lists, *, is_name: bool) -> str | None:
    entries = lists.cautions.get(caution, frozenset())
    is_suffix = caution is Caution.PUBLIC_SUFFIX and registrable_domain(name) is None
    if name in entries or is_suffix:
        return f"{name} is "
    # Below a public suffix is where everybody is.
    if caution is not Caution.PUBLIC_SUFFIX and (entry := _entry_above(name, entries)):
        return f"{name} falls under {entry}, "
    below = lists.below.get(caution, {}) if is_name else {}
    return f"{name} has {below[name]} below it, " if name in below else None
