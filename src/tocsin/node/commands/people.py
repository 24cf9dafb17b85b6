"""`tocsin people`: who signs in, for whom, with which mandate; how a node begins."""

import getpass
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, err, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import iso, read_moment

app = typer.Typer(help="Who signs in, for whom, with which mandate.", no_args_is_help=True)
Email = Annotated[str, typer.Argument(help="Sign-in name: a mail address.", show_default=False)]


@app.command("add")
def add(
    email: Email,
    party: Annotated[str, typer.Option(help="Short name of the party.", show_default=False)],
    competence: Annotated[
        list[str],
        typer.Option(help="What they may do; more than one is possible.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="Name, as others see it.")] = "",
    language: Annotated[str, typer.Option(help="Language of the pages.")] = "en",
    until: Annotated[str | None, typer.Option(help="Last day of the mandate.")] = None,
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Put somebody on file and give a mandate.

    Asks for a first password: on the terminal, or from standard input where there is none. At the
    first sign-in a second factor is set up before anything else opens.
    """
    open_existing(store)
    from django.db import transaction

    from tocsin.office.people import actions

    at = datetime.now(UTC)
    known = _party(party)
    end = read_moment(f"{until}T23:59:59Z" if len(until) == 10 else until) if until else None
    new = _unknown(email, name or email)
    password_ = _password(new) if new else None  # before anything is written
    with transaction.atomic():
        person = actions.add_person(
            email=email, name=name or email, language=language, by=who(by), at=at
        )
        actions.grant(person, known, competences=competence, until=end, by=who(by), at=at)
        if password_ is not None:
            actions.set_password(person, password_, by=who(by), at=at)
    out.print(f"{escape(person.email)} acts for {escape(known.name)}: {', '.join(competence)}")


def _unknown(email: str, name: str) -> Any:
    """Somebody who has no password yet, not saved; None for somebody who has one."""
    from tocsin.office.people.models import Person, canonical

    known = Person.objects.filter(email=canonical(email)).first()
    if known is not None and known.has_usable_password():
        return None
    return known or Person(email=canonical(email), name=name)


def _password(person: Any) -> str:
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    if sys.stdin.isatty():
        text = getpass.getpass(f"First password of {person.email}: ")
        if text != getpass.getpass("Again: "):
            raise Unusable("the two are not the same. Possible: tocsin people password")
    else:
        text = sys.stdin.readline().rstrip("\n")
    try:
        validate_password(text, person)
    except ValidationError as fault:
        raise Unusable(f"{' '.join(fault.messages)} Possible: tocsin people password") from None
    return text


@app.command("password")
def password(email: Email, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Give somebody a new password; their sessions end."""
    open_existing(store)
    from tocsin.office.people import actions

    person = actions.find_person(email)
    actions.set_password(person, _password(person), by=who(by), at=datetime.now(UTC))
    err.print("done")


@app.command("list")
def list_(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List people and the mandates that run."""
    open_existing(store)
    rows = _mandates()
    if as_json:
        say_json(rows)
        return
    shown = table("People", "who", "for", "may", "until")
    for row in rows:
        may = ", ".join(row["competences"])
        shown.add_row(escape(clean(row["email"])), row["party"] or "-", may, row["until"] or "")
    out.print(shown)


def _mandates() -> list[dict[str, Any]]:
    from tocsin.office.people.models import Person
    from tocsin.office.people.viewer import running

    at = datetime.now(UTC)
    rows = [
        {
            "email": one.person.email,
            "name": one.person.name,
            "party": one.party.slug,
            "competences": one.competences,
            "since": iso(one.since),
            "until": iso(one.until) if one.until else None,
            "is_active": True,
        }
        for one in running(at)
    ]
    named = {row["email"] for row in rows}
    rows += [
        {
            "email": person.email,
            "name": person.name,
            "party": None,
            "competences": [],
            "since": None,
            "until": None,
            "is_active": person.is_active,
        }
        for person in Person.objects.exclude(email__in=named)
    ]
    return rows


@app.command("close")
def close(email: Email, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Let nobody sign in as this person any more.

    Mandates, tokens and sessions end now.
    """
    open_existing(store)
    from tocsin.office.people import actions

    actions.close_person(actions.find_person(email), by=who(by), at=datetime.now(UTC))
    out.print(f"{escape(email)} is closed")


@app.command("take-factor")
def take_factor(email: Email, store: StoreOption = DEFAULT_STORE, by: By = None) -> None:
    """Take every second factor off somebody who lost them.

    Their sessions end and they are told by mail. At the next sign-in a new one is set up before
    anything else opens. Make sure who asks.
    """
    open_existing(store)
    from allauth.mfa.models import Authenticator
    from django.db import transaction

    from tocsin.office.people import actions

    person = actions.find_person(email)
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        actions.note_factor_taken(person, by=who(by), at=datetime.now(UTC))
    out.print(f"{escape(person.email)} sets up a second factor at the next sign-in")


@app.command("run-node")
def run_node(
    party: Annotated[str, typer.Argument(help="Short name of the party.", show_default=False)],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
) -> None:
    """Say which party runs this node.

    Its people handle the matters of all.
    """
    open_existing(store)
    from tocsin.office.people import actions

    known = _party(party)
    actions.run_node(known, by=who(by), at=datetime.now(UTC))
    out.print(f"{escape(known.name)} runs this node")


def _party(slug: str) -> Any:
    from tocsin.office.models import Party

    party = Party.objects.filter(slug=slug, active=True).first()
    if party is None:
        raise NotFound(f"there is no party {slug!r}. Possible: tocsin parties export lists them")
    return party
