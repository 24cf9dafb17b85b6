"""What is typed into the pages about people."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from tocsin.office.permissions import PERMISSIONS
from tocsin.words.competences import Competence

# What a competence means, for whoever gives it.
MEANS = {
    Competence.EE_ADDRESSEE: _("answer orders for electronic evidence"),
    Competence.EE_ENFORCE: _("enforce orders for electronic evidence"),
    Competence.EE_ISSUE: _("issue orders for electronic evidence"),
    Competence.EE_VALIDATE: _("validate orders for electronic evidence"),
    Competence.NIS2_NOTIFY: _("notify incidents (NIS2)"),
    Competence.NIS2_RECEIVE: _("receive notifications of incidents (NIS2)"),
    Competence.OVERSEE: _("oversee: read what oversight is entitled to"),
    Competence.PARTY_ADMINISTER: _("manage people, contacts, keys and channel of the organisation"),
    Competence.RESPONSE_ANSWER: _("see and answer what concerns the organisation"),
    Competence.RESPONSE_HANDLE: _("handle reports and cases"),
    Competence.SHIELD_PROPOSE: _("propose listings of the phishing shield"),
    Competence.SHIELD_REVIEW: _("review listings of the phishing shield"),
    Competence.TCO_COMPLY: _("answer removal orders"),
    Competence.TCO_ISSUE: _("issue removal orders"),
    Competence.TCO_JUDGE: _("judge removal orders"),
    Competence.TCO_REQUEST: _("ask for scrutiny of removal orders"),
    Competence.TCO_SCRUTINISE: _("scrutinise removal orders"),
}


class DateInput(forms.DateInput):
    """The browser's own date picker."""

    input_type = "date"


class Boxes(forms.CheckboxSelectMultiple):
    """Several of a list, as boxes."""

    def __init__(self) -> None:
        super().__init__(attrs={"class": "govuk-checkboxes__input"})


class Invite(forms.Form):
    """A colleague, what they may do, until when."""

    email = forms.EmailField(label=_("Mail address"), max_length=254)
    name = forms.CharField(label=_("Name, as others see it"), max_length=200)
    language = forms.ChoiceField(
        label=_("Language of the invitation"), choices=settings.LANGUAGES, initial=get_language
    )
    competences = forms.MultipleChoiceField(label=_("What they may do"), widget=Boxes)
    until = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=DateInput,
        help_text=_("Leave it empty for a mandate without an end."),
    )

    def __init__(self, *args: Any, competences: Iterable[str], **words: Any) -> None:
        super().__init__(*args, **words)
        field = self.fields["competences"]
        field.choices = [(one, f"{one}: {MEANS[Competence(one)]}") for one in competences]  # type: ignore[attr-defined]

    def clean_until(self) -> datetime | None:
        """The end of that day, UTC."""
        return end_of(self.cleaned_data["until"])


class Accept(forms.Form):
    """A new account: a name and a password."""

    name = forms.CharField(label=_("Your name, as others see it"), max_length=200)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters; a sentence is easier to keep than a word."),
    )
    again = forms.CharField(
        label=_("Password, once more"),
        strip=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        """Both are the same."""
        words = super().clean() or {}
        if words.get("password") != words.get("again"):
            self.add_error("again", _("The two passwords are not the same."))
        return words


class Me(forms.Form):
    """What a person changes of themselves."""

    name = forms.CharField(label=_("Your name, as others see it"), max_length=200)
    language = forms.ChoiceField(
        label=_("Language of pages and mails"), choices=lambda: settings.LANGUAGES
    )


class MakeToken(forms.Form):
    """What a program may do, and until when."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What it is for: “reports from our SIEM”.")
    )
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=Boxes)
    expires = forms.DateField(
        label=_("Last day"), widget=DateInput, help_text=_("Within a year from today.")
    )

    def __init__(self, *args: Any, scopes: Iterable[str], **words: Any) -> None:
        super().__init__(*args, **words)
        field = self.fields["scopes"]
        field.choices = [  # type: ignore[attr-defined]
            (one, f"{one}: {gettext(PERMISSIONS[one].does)}") for one in scopes
        ]

    def clean_expires(self) -> datetime | None:
        """The end of that day, UTC."""
        return end_of(self.cleaned_data["expires"])


class Group(forms.Form):
    """A sharing group."""

    name = forms.CharField(label=_("Name"), max_length=100)
    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=300,
        help_text=_("The matter, and the agreement it rests on."),
    )


class Member(forms.Form):
    """A party by its short name."""

    party = forms.CharField(label=_("Short name of the party"), max_length=60)


def end_of(day: Any) -> datetime | None:
    """The last moment of a day that was typed, UTC."""
    return datetime.combine(day, time(23, 59, 59), UTC) if day else None
