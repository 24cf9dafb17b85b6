"""What people are told of their own account, and how an invitation reads; by mail.

One table: a notice has a subject and a text, in English and marked for translation. They are
written in the transaction of the act that causes them, and sent by whoever sends letters.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from tocsin.office import sentences
from tocsin.office.people import letters
from tocsin.office.people.models import Person

Text = str | Promise


@dataclass(frozen=True)
class Notice:
    """Subject and text; what is in braces is filled in."""

    subject: Text
    text: Text


_NOT_YOU = _(
    "If this is not what you expect, tell whoever runs this node at once. This message was made "
    "by a machine; it asks for nothing and answers to it are not read."
)

ACCOUNT_CLOSED = Notice(
    _("Your account was closed"),
    _("Your account was closed. Sessions, mandates and tokens ended at that moment."),
)
FACTOR_TAKEN = Notice(
    _("Your second factor was taken off"),
    _(
        "The operator of the node took every second factor off your account and ended your "
        "sessions. At the next sign-in you set up a new one."
    ),
)
INVITED = Notice(
    _("{party} invites you to its security desk"),
    _(
        "{name},\n\n{inviter} invites you to act for {party} on this node, with: {competences}.\n\n"
        "To accept, open this link. It works once and for {hours} hours:\n\n{link}\n\n"
        "Nothing happens if you do not open it. Nobody will ever ask you for this link."
    ),
)
MANDATE_ENDED = Notice(
    _("Your mandate for {party} ended"),
    _("Your mandate for {party} ended. What it opened is closed to you, and its tokens ended too."),
)
MANDATE_GIVEN = Notice(
    _("You have a mandate for {party}"),
    _("You may act for {party} from now on, with: {competences}."),
)
PARTY_CHANGED = Notice(
    _("What is on file of {party} was changed"),
    _("On file of {party}, this was changed: {changed}. You are told because you administer it."),
)
PASSWORD_SET = Notice(
    _("Your password was changed"),
    _("The operator of the node gave your account a new password. Your sessions ended."),
)
TOKEN_ENDED = Notice(
    _("An API token of yours ended"),
    _("The token “{name}” for {party} ended. Programs that used it are refused."),
)
TOKEN_MADE = Notice(
    _("An API token was made in your name"),
    _("The token “{name}” for {party} was made. It runs out on {expires}."),
)


def tell(person: Person, notice: Notice, *, at: datetime, **words: str) -> None:
    """Tell a person what was done; inside the transaction of the act."""
    write(person.email, notice, language=person.language, at=at, **words)


def write(address: str, notice: Notice, *, language: str, at: datetime, **words: str) -> None:
    """A letter with this notice in this language."""
    with sentences.speaking(language):
        plain = {name: _one_line(word) for name, word in words.items()}
        text = str(notice.text).format(**plain)
        letters.queue(
            address,
            subject=_one_line(str(notice.subject).format(**plain)),
            text=f"{text}\n\n{_NOT_YOU}\n",
            at=at,
        )


def _one_line(text: str) -> str:
    """Names are other people's input: no line of theirs begins a paragraph of ours."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
