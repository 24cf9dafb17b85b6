"""Pages about parties: the list, one's own, and what its people or the node's change of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.flow.remits import Agreement, Recipient, Remit
from tocsin.office import sentences
from tocsin.office.models import Party
from tocsin.office.parties import changing, forms, queries
from tocsin.office.parties.entry import ContactLine, Entry
from tocsin.office.parties.exchange import entry_of
from tocsin.office.parties.reading import remit_value
from tocsin.office.parties.writing import write_parties
from tocsin.office.people.asking import dangerous, needs
from tocsin.office.people.consulting import consult_contacts
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused, TocsinError, Unusable
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
_SEE = ("office:party:read", "office:party:read_own")
_CHANGE = (changing.ANY, changing.OWN)


class Seen(HttpRequest):
    """A request whose viewer the middleware found out."""

    viewer: Viewer


# ── seeing ───────────────────────────────────────────────────────────────────────────────


@require_safe
@needs(*_SEE)
def parties(request: Seen) -> HttpResponse:
    """The parties somebody may see; a sole one is shown at once."""
    own = request.viewer.parties
    if not request.viewer.reaches_all("office:party:read") and len(own) == 1:
        return redirect("parties:party", slug=own[0].slug)
    form = forms.Seek(request.GET or None, initial={"state": "active"})
    sought = queries.Sought(**form.cleaned_data) if form.is_valid() else queries.Sought()
    query = request.GET.copy()
    query.pop("page", None)
    found = queries.parties(request.viewer, sought, page=request.GET.get("page"))
    consult_contacts(
        request.viewer,
        None,
        shown=sum(bool(one.channel_address) for one in found),
        what=f"addresses in the list of parties, page {found.number}",
        at=datetime.now(UTC),
    )
    context = {
        "form": form,
        "parties": found,
        "counts": queries.counts(request.viewer),
        "query": query.urlencode(),
        "may_add": request.viewer.may(changing.ANY),
    }
    return render(request, "parties/parties.html", context)


@require_safe
@needs(*_SEE)
def party(request: Seen, slug: str) -> HttpResponse:
    """All that is on file of a party."""
    found = queries.party(request.viewer, slug)
    count, remits = queries.remits_of(found)
    is_ours = found.source == changing.MANUAL
    contacts = list(queries.contacts_of(found))
    _consulted(request, found, contacts, "contacts")
    context = {
        "party": found,
        "contacts": contacts,
        "remits": remits,
        "remit_count": count,
        "agreements": found.agreements.all(),
        "groups": found.sharing_groups.filter(ended_at=None),
        "secrets": queries.has_secret(found, settings.STORE / "keys"),
        "may_change": is_ours and _may_change(request.viewer, found),
        "may_change_all": request.viewer.may(changing.ANY, found),
        "is_ours": is_ours,
    }
    return render(request, "parties/party.html", context)


@require_safe
@needs(*_SEE)
def party_file(request: Seen, slug: str) -> HttpResponse:
    """The same as its party file says it."""
    found = queries.party(request.viewer, slug)
    entry = entry_of(found)
    _consulted(request, found, entry.contacts, "party file")
    text = write_parties([entry])
    answer = HttpResponse(text, content_type="application/toml; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{slug}.toml"'
    return answer


def _consulted(request: Seen, found: Party, contacts: Sequence[Any], what: str) -> None:
    shown = len(contacts) + bool(found.channel_address)
    what = f"{what} of {found.slug}"
    consult_contacts(request.viewer, found, shown=shown, what=what, at=datetime.now(UTC))


# ── by its own people, and the node's ────────────────────────────────────────────────────


@GET_OR_POST
@dangerous
@needs(*_CHANGE)
def delivery(request: Seen, slug: str) -> HttpResponse:
    """Where its deliveries go, and how."""
    found = _changeable(request, slug)
    initial = {
        "channel": found.channel,
        "address": found.channel_address,
        "format": found.format,
        "interval": found.interval,
        "language": found.language,
    }
    form = forms.Delivery(request.POST or None, initial=initial)
    return _changing(request, found, form, _("Where deliveries go"), _with_delivery)


def _with_delivery(entry: Entry, words: dict[str, Any]) -> Entry:
    recipient = replace(entry.recipient, channel=words["channel"], format=words["format"])
    return replace(
        entry,
        recipient=recipient,
        address=words["address"].strip(),
        interval=words["interval"],
        language=words["language"].strip(),
    )


@GET_OR_POST
@dangerous
@needs(*_CHANGE)
def contact(request: Seen, slug: str) -> HttpResponse:
    """One more contact."""
    found = _changeable(request, slug)
    form = forms.ContactForm(request.POST or None)
    return _changing(request, found, form, _("Add a contact"), _with_contact)


def _with_contact(entry: Entry, words: dict[str, Any]) -> Entry:
    line = ContactLine(**{name: words[name] for name in ("kind", "value", "purpose", "hours")},
                       languages=words["languages"])  # fmt: skip
    return replace(entry, contacts=(*entry.contacts, line))


@require_POST
@dangerous
@needs(*_CHANGE)
def remove_contact(request: Seen, slug: str) -> HttpResponse:
    """One contact less."""
    names = ("kind", "value", "purpose")
    gone = tuple(request.POST.get(name, "") for name in names)

    def without(entry: Entry) -> Entry:
        kept = [one for one in entry.contacts if (one.kind, one.value, one.purpose) != gone]
        return replace(entry, contacts=tuple(kept))

    return _changed(request, _changeable(request, slug), without)


@GET_OR_POST
@dangerous
@needs(*_CHANGE)
def key(request: Seen, slug: str) -> HttpResponse:
    """The key that mail to it is encrypted to: given, changed, taken away."""
    found = _changeable(request, slug)
    form = forms.Key(request.POST or None, initial={"key": found.key})
    return _changing(
        request,
        found,
        form,
        _("OpenPGP key"),
        lambda entry, words: replace(entry, key=words["key"].strip()),
    )


@GET_OR_POST
@never_cache
@dangerous
@needs(*_CHANGE)
def secret(request: Seen, slug: str) -> HttpResponse:
    """The secret of its webhook: made, renewed, the older one retired; shown this once."""
    found = _changeable(request, slug, imported=True)
    context: dict[str, Any] = {"party": found, "made": ""}
    status = 200
    if request.method == "POST":
        try:
            context["made"] = changing.change_secret(
                found,
                request.POST.get("act", ""),
                keys_folder=settings.STORE / "keys",
                viewer=request.viewer,
                at=datetime.now(UTC),
            )
        except TocsinError as fault:
            context["fault"], status = sentences.said(str(fault)), 422
    context["secrets"] = queries.has_secret(found, settings.STORE / "keys")
    return render(request, "parties/secret.html", context, status=status)


# ── by the node's people ─────────────────────────────────────────────────────────────────


@GET_OR_POST
@dangerous
@needs(changing.ANY)
def add(request: Seen) -> HttpResponse:
    """A party that is not on file yet."""
    initial = {"channel": "mail", "interval": "each", "language": "en", "member": True}
    form = forms.New(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            made = changing.add(
                _new(form.cleaned_data), viewer=request.viewer, at=datetime.now(UTC)
            )
            return redirect("parties:party", slug=made.slug)
        except (Refused, Unusable) as fault:
            form.add_error(None, sentences.said(str(fault)))
    return _form(request, form, _("Put a party on file"), None)


def _new(words: dict[str, Any]) -> Entry:
    recipient = Recipient(
        party=words["slug"].strip(),
        name=words["name"],
        role=Role(words["role"]),
        country=words["country"].strip(),
        format=words["format"],
        channel=words["channel"],
        source=changing.MANUAL,
        as_of=None,
    )
    return replace(_with_delivery(Entry(recipient=recipient), words), member=words["member"])


@GET_OR_POST
@dangerous
@needs(changing.ANY)
def about(request: Seen, slug: str) -> HttpResponse:
    """What it is."""
    found = _changeable(request, slug)
    names = ("name", "role", "country", "member")
    form = forms.About(request.POST or None, initial={name: getattr(found, name) for name in names})
    return _changing(request, found, form, _("What it is"), _with_about)


def _with_about(entry: Entry, words: dict[str, Any]) -> Entry:
    recipient = replace(
        entry.recipient, name=words["name"], role=Role(words["role"]), country=words["country"]
    )
    return replace(entry, recipient=recipient, member=words["member"])


@GET_OR_POST
@dangerous
@needs(changing.ANY)
def remit(request: Seen, slug: str) -> HttpResponse:
    """One more thing it answers for."""
    found = _changeable(request, slug)
    form = forms.RemitForm(request.POST or None)
    return _changing(request, found, form, _("Add what it answers for"), _with_remit)


def _with_remit(entry: Entry, words: dict[str, Any]) -> Entry:
    kind = RemitKind(words["kind"])
    row = Remit(
        entry.recipient.party,
        kind,
        remit_value(kind, words["value"]),
        Relation(words["relation"]),
        shared=words["shared"],
    )
    return replace(entry, remits=(*entry.remits, row))


@require_POST
@dangerous
@needs(changing.ANY)
def remove_remit(request: Seen, slug: str) -> HttpResponse:
    """One thing less."""
    gone = tuple(request.POST.get(name, "") for name in ("relation", "kind", "value"))

    def without(entry: Entry) -> Entry:
        kept = [one for one in entry.remits if (one.relation, one.kind, one.value) != gone]
        return replace(entry, remits=tuple(kept))

    return _changed(request, _changeable(request, slug), without)


@GET_OR_POST
@dangerous
@needs(changing.ANY)
def agreement(request: Seen, slug: str) -> HttpResponse:
    """One more agreement."""
    found = _changeable(request, slug)
    form = forms.AgreementForm(request.POST or None)

    def make(entry: Entry, words: dict[str, Any]) -> Entry:
        row = Agreement(party=slug, **{**words, "relation": Relation(words["relation"])})
        return replace(entry, agreements=(*entry.agreements, row))

    return _changing(request, found, form, _("Add an agreement"), make)


@require_POST
@dangerous
@needs(changing.ANY)
def end_agreement(request: Seen, slug: str) -> HttpResponse:
    """An agreement ends with today; one that begins later goes."""
    gone = tuple(request.POST.get(name, "") for name in ("relation", "reference", "since"))
    today = datetime.now(UTC).date()

    def ended(entry: Entry) -> Entry:
        rows = [
            replace(one, until=today)
            if (one.relation, one.reference, one.since.isoformat()) == gone
            else one
            for one in entry.agreements
        ]
        kept = [one for one in rows if one.until is None or one.until >= one.since]
        return replace(entry, agreements=tuple(kept))

    return _changed(request, _changeable(request, slug), ended)


@GET_OR_POST
@dangerous
@needs(changing.ANY)
def take_over(request: Seen, slug: str) -> HttpResponse:
    """A party of our own with what an import says of this one."""
    found = queries.party(request.viewer, slug)
    form = forms.Named(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = changing.take_over(
                found, form.cleaned_data["slug"], viewer=request.viewer, at=datetime.now(UTC)
            )
            return redirect("parties:party", slug=made.slug)
        except (Refused, Unusable) as fault:
            form.add_error(None, sentences.said(str(fault)))
    return _form(request, form, _("Write it down by hand"), found)


@require_POST
@dangerous
@needs(changing.ANY)
def state(request: Seen, slug: str) -> HttpResponse:
    """Retired, or told again."""
    found = queries.party(request.viewer, slug)
    act = changing.retire if request.POST.get("act") == "retire" else changing.restore
    try:
        act(found, viewer=request.viewer, at=datetime.now(UTC))
    except Refused as fault:
        messages.error(request, sentences.said(str(fault)))
    return redirect("parties:party", slug=slug)


# ── shared by them ───────────────────────────────────────────────────────────────────────


def _may_change(viewer: Viewer, found: Party) -> bool:
    return any(viewer.may(name, found) for name in _CHANGE)


def _changeable(request: Seen, slug: str, *, imported: bool = False) -> Party:
    """A party that somebody may change; raises `NotFound`, `Refused`."""
    found = queries.party(request.viewer, slug)
    if not _may_change(request.viewer, found):
        request.viewer.require(changing.OWN, found)
    if found.source != changing.MANUAL and not imported:
        raise Refused(_("An import keeps this party. Take it over, then change it."))
    return found


def _changing(
    request: Seen,
    found: Party,
    form: django_forms.Form,
    title: str,
    make: Callable[[Entry, dict[str, Any]], Entry],
) -> HttpResponse:
    """A form that makes another entry of a party's."""
    if request.method == "POST" and form.is_valid():
        try:
            changing.change(
                found,
                lambda entry: make(entry, form.cleaned_data),
                viewer=request.viewer,
                at=datetime.now(UTC),
            )
        except (Refused, Unusable) as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            return redirect("parties:party", slug=found.slug)
    return _form(request, form, title, found)


def _changed(request: Seen, found: Party, make: Callable[[Entry], Entry]) -> HttpResponse:
    try:
        changing.change(found, make, viewer=request.viewer, at=datetime.now(UTC))
    except (Refused, Unusable) as fault:
        messages.error(request, sentences.said(str(fault)))
    return redirect("parties:party", slug=found.slug)


def _form(
    request: HttpRequest, form: django_forms.Form, title: str, found: Party | None
) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "title": title, "party": found}
    return render(request, "parties/form.html", context, status=status)
