"""Pages about people: one's colleagues, invitations, tokens, sharing groups."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.office import sentences
from tocsin.office.models import Party
from tocsin.office.people import actions, forms, queries
from tocsin.office.people.asking import dangerous, needs, open_to_all
from tocsin.office.people.consulting import consult_people
from tocsin.office.people.models import Mandate, Person, SharingGroup, Token
from tocsin.office.people.viewer import Viewer, scopes_of
from tocsin.office.permissions import PERMISSIONS
from tocsin.words.errors import NotFound, Refused, TocsinError, Unusable

GET_OR_POST = require_http_methods(["GET", "HEAD", "POST"])


class Seen(HttpRequest):
    """A request whose viewer the middleware found out."""

    viewer: Viewer


# ── colleagues ───────────────────────────────────────────────────────────────────────────


@require_safe
@needs("office:person:read")
def people(request: Seen, slug: str = "") -> HttpResponse:
    """Who acts for a party one administers, what was offered, which tokens there are."""
    at = datetime.now(UTC)
    parties = queries.administered(request.viewer)
    party = queries.administered_party(request.viewer, slug) if slug else parties[0]
    context: dict[str, Any] = {
        "party": party,
        "parties": parties,
        "mandates": queries.people_of(party, at=at, page=request.GET.get("page")),
        "invitations": queries.invitations_of(party, at=at),
        "tokens": queries.tokens_of_party(party, at=at, page=request.GET.get("tokens")),
    }
    shown = sum(len(context[name]) for name in ("mandates", "invitations", "tokens"))
    number = context["mandates"].number
    consult_people(request.viewer, party, shown=shown, page=number, at=at)
    return render(request, "people/people.html", context)


@GET_OR_POST
@dangerous
@needs("office:person:invite")
def invite(request: Seen, slug: str) -> HttpResponse:
    """Offer a colleague a mandate."""
    party = queries.administered_party(request.viewer, slug)
    possible = queries.competences_to_give(request.viewer, party)
    own = party.language[:2]
    form = forms.Invite(
        request.POST or None,
        competences=possible,
        # Their organisation's own, where pages are offered in it; else the inviter's.
        initial={"language": own} if own in dict(settings.LANGUAGES) else {},
    )
    if request.method == "POST" and form.is_valid() and _invited(request, party, form):
        messages.success(request, _("The invitation is on its way. It works once, for 72 hours."))
        return redirect("people:people", slug=party.slug)
    return _form(request, "people/invite.html", form, party=party)


def _invited(request: Seen, party: Party, form: forms.Invite) -> bool:
    try:
        actions.invite(
            party,
            **form.cleaned_data,
            viewer=request.viewer,
            at=datetime.now(UTC),
            link=lambda secret: address(request, reverse("people:accept", args=[secret])),
        )
    except (Refused, Unusable) as fault:
        form.add_error(None, sentences.said(str(fault)))
    return form.is_valid()


@require_POST
@needs("office:person:invite")
def withdraw(request: Seen, uid: UUID) -> HttpResponse:
    """Take an invitation back."""
    invitation = queries.invitation_to_withdraw(request.viewer, uid)
    actions.withdraw(invitation, viewer=request.viewer, at=datetime.now(UTC))
    messages.success(request, _("The invitation was withdrawn; its link is dead."))
    return redirect("people:people", slug=invitation.party.slug)


@GET_OR_POST
@dangerous
@needs("office:mandate:end")
def end_mandate(request: Seen, uid: UUID) -> HttpResponse:
    """End a mandate, after a page that says what that means."""
    at = datetime.now(UTC)
    mandate = queries.mandate_to_end(request.viewer, uid, at=at)
    if request.method != "POST":
        return render(request, "people/end_mandate.html", {"mandate": mandate})
    return _done(
        request,
        lambda: actions.end_mandate(mandate, by=request.viewer.name, viewer=request.viewer, at=at),
        _("The mandate ended. What it opened is closed."),
        _after_ending(mandate, request.viewer),
    )


def _after_ending(mandate: Mandate, viewer: Viewer) -> str:
    """Whoever ended their own mandate may not see that list any more."""
    if viewer.person is not None and mandate.person_id == viewer.person.pk:
        return reverse("home")
    return reverse("people:people", kwargs={"slug": mandate.party.slug})


# ── oneself ──────────────────────────────────────────────────────────────────────────────


@GET_OR_POST
@needs(*PERMISSIONS)
def me(request: Seen) -> HttpResponse:
    """One's own name and language."""
    person = request.viewer.person
    if person is None:  # `needs` let nobody in who has not signed in
        raise NotFound("there is nobody here")
    initial = {"name": person.name, "language": person.language}
    form = forms.Me(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _changed_me(request, person, form):
        answer = redirect("people:me")
        answer.set_cookie(  # as the menu of languages does
            settings.LANGUAGE_COOKIE_NAME,
            form.cleaned_data["language"],
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
        return answer
    return _form(request, "people/me.html", form)


def _changed_me(request: Seen, person: Person, form: forms.Me) -> bool:
    words = form.cleaned_data
    try:
        actions.change_person(person, **words, by=person.actor, at=datetime.now(UTC))
    except Unusable as fault:
        form.add_error("name", sentences.said(str(fault)))
        return False
    messages.success(request, _("It is changed."))
    return True


# ── invitations ──────────────────────────────────────────────────────────────────────────


@GET_OR_POST
@sensitive_post_parameters("password", "again")
@never_cache
@open_to_all
def accept(request: Seen, secret: str) -> HttpResponse:
    """What the link in an invitation opens: who asks, for what, and yes."""
    at = datetime.now(UTC)
    try:
        invitation = queries.invitation_by_secret(secret, at=at)
    except NotFound:
        return render(request, "people/invitation_gone.html", status=404)
    person = request.viewer.person
    form = forms.Accept(request.POST or None, initial={"name": invitation.name})
    if request.method == "POST" and (person is not None or form.is_valid()):
        words = {} if person else {key: form.cleaned_data[key] for key in ("name", "password")}
        try:
            actions.accept(invitation, person=person, at=at, **words)
        except (Refused, Unusable) as fault:
            return render(
                request,
                "people/invitation.html",
                {"invitation": invitation, "form": form, "fault": sentences.said(str(fault))},
                status=422,
            )
        return redirect("people:accepted")
    context = {"invitation": invitation, "form": form}
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "people/invitation.html", context, status=status)


@require_safe
@open_to_all
def accepted(request: Seen) -> HttpResponse:
    """After it: what comes next."""
    return render(request, "people/accepted.html")


# ── tokens ───────────────────────────────────────────────────────────────────────────────


@require_safe
@needs("office:token:make")
def tokens(request: Seen) -> HttpResponse:
    """One's own tokens."""
    context = {
        "tokens": queries.tokens_of(request.viewer, at=datetime.now(UTC)),
        "mandates": request.viewer.mandates,
    }
    return render(request, "people/tokens.html", context)


@GET_OR_POST
@never_cache
@dangerous
@needs("office:token:make")
def make_token(request: Seen, uid: UUID) -> HttpResponse:
    """A token under one of one's own mandates; its text is shown this once."""
    mandate = queries.own_mandate(request.viewer, uid)
    form = forms.MakeToken(request.POST or None, scopes=scopes_of(mandate))
    if request.method == "POST" and form.is_valid() and (made := _made(request, mandate, form)):
        return render(request, "people/token_made.html", {"token": made[0], "text": made[1]})
    return _form(request, "people/make_token.html", form, mandate=mandate)


def _made(request: Seen, mandate: Mandate, form: forms.MakeToken) -> tuple[Token, str] | None:
    words = form.cleaned_data
    try:
        return actions.make_token(
            mandate,
            name=words["name"],
            scopes=words["scopes"],
            expires_at=words["expires"],
            by=request.viewer.name,
            at=datetime.now(UTC),
        )
    except (Refused, Unusable) as fault:
        form.add_error(None, sentences.said(str(fault)))
        return None


@require_POST
@needs("office:token:end")
def end_token(request: Seen, uid: UUID) -> HttpResponse:
    """End a token of one's own, or of the party one administers."""
    token = queries.token_to_end(request.viewer, uid)
    mine = request.viewer.person and token.mandate.person_id == request.viewer.person.pk
    back = (
        reverse("people:tokens")
        if mine
        else reverse("people:people", kwargs={"slug": token.mandate.party.slug})
    )
    return _done(
        request,
        lambda: actions.end_token(
            token, by=request.viewer.name, viewer=request.viewer, at=datetime.now(UTC)
        ),
        _("The token ended; programs that use it are refused from now on."),
        back,
    )


# ── sharing groups ───────────────────────────────────────────────────────────────────────


@GET_OR_POST
@needs("office:sharing_group:read")
def groups(request: Seen) -> HttpResponse:
    """Every sharing group, and a form for another."""
    form = forms.Group(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = actions.make_group(
                **form.cleaned_data, viewer=request.viewer, at=datetime.now(UTC)
            )
            return redirect("people:group", uid=made.uid)
        except (Refused, Unusable) as fault:
            form.add_error(None, sentences.said(str(fault)))
    return _form(request, "people/groups.html", form, groups=queries.groups(request.viewer))


@GET_OR_POST
@needs("office:sharing_group:read")
def group(request: Seen, uid: UUID) -> HttpResponse:
    """One group: its parties; let one in, take one out, end it."""
    found = queries.group_of(request.viewer, uid)
    form = forms.Member(request.POST if request.POST.get("act") == "add" else None)
    if request.method == "POST":
        try:
            return _changed_group(request, found)
        except (Refused, Unusable) as fault:
            if form.is_bound:
                form.add_error(None, sentences.said(str(fault)))
            else:
                messages.error(request, sentences.said(str(fault)))
    context = {"group": found, "members": found.members.order_by("name")}
    return _form(request, "people/group.html", form, **context)


def _changed_group(request: Seen, group: SharingGroup) -> HttpResponse:
    viewer, at = request.viewer, datetime.now(UTC)
    act = request.POST.get("act")
    if act == "end":
        actions.end_group(group, viewer=viewer, at=at)
        return redirect("people:groups")
    slug = request.POST.get("party", "")[:60]
    party = Party.objects.filter(slug=slug, active=True).first()
    if party is None or act not in ("add", "remove"):
        raise Unusable(_("There is no party with this short name."))
    change = actions.add_member if act == "add" else actions.remove_member
    change(group, party, viewer=viewer, at=at)
    return redirect("people:group", uid=group.uid)


# ── shared by them ───────────────────────────────────────────────────────────────────────


def address(request: HttpRequest, path: str) -> str:
    """The address of a page for a mail: under the node's own name, whatever a request claimed."""
    base: str = settings.NODE_URL
    return f"{base}{path}" if base else request.build_absolute_uri(path)


def _form(
    request: HttpRequest, template: str, form: django_forms.Form, **context: Any
) -> HttpResponse:
    """The page with its form; 422 where what was sent cannot be used."""
    status = 422 if form.is_bound and form.errors else 200
    return render(request, template, {"form": form, **context}, status=status)


def _done(request: HttpRequest, act: Any, said: str, back: str) -> HttpResponse:
    """Do it, say so and go back; a refusal is said there too."""
    try:
        act()
    except TocsinError as fault:
        messages.error(request, sentences.said(str(fault)))
    else:
        messages.success(request, said)
    return redirect(back)
