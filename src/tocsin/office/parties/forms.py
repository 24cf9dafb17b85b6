"""What is typed into the pages about parties; what it may say is checked as the party file is."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tocsin.channels.catalogue import CHANNELS
from tocsin.office.digests import INTERVALS
from tocsin.office.parties.reading import written_formats
from tocsin.office.parties.values import CONTACT_KINDS
from tocsin.office.templatetags.words import spoken
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import SPOKEN, Role


def _named(names: Any) -> list[tuple[str, str]]:
    return [(str(name), str(name)) for name in names]


def _spoken(names: Any) -> Callable[[], list[tuple[str, str]]]:
    """Words of a table, in the language of whoever opens the form."""
    return lambda: [(str(name), spoken(SPOKEN.get(name, name))) for name in names]


class Seek(forms.Form):
    """How a list of parties is narrowed."""

    text = forms.CharField(label=_("Name, short name or address"), required=False, max_length=200)
    role = forms.ChoiceField(
        label=_("Role"),
        required=False,
        choices=lambda: [("", _("all")), *_spoken(Role)()],
    )
    country = forms.CharField(label=_("Country"), required=False, max_length=2)
    member = forms.ChoiceField(
        label=_("Members"),
        required=False,
        choices=[("", _("all")), ("yes", _("members")), ("no", _("contacts of registries"))],
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("active", _("active")), ("retired", _("retired")), ("all", _("all"))],
    )


class Delivery(forms.Form):
    """Where deliveries go, and how."""

    channel = forms.ChoiceField(label=_("Channel"))
    address = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        help_text=_(
            "Mail: a mailbox, or several with commas; empty for the living mail contacts below. "
            "Webhook: an address that begins with https://."
        ),
    )
    format = forms.ChoiceField(label=_("Format"))
    interval = forms.ChoiceField(
        label=_("Mail"), help_text=_("Other channels deliver each report by itself.")
    )
    language = forms.CharField(label=_("Language of mails"), max_length=35)

    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        spoken = {
            "each": _("at each report"),
            "hourly": _("once an hour"),
            "daily": _("once a day"),
        }
        lists = {
            "channel": _named(CHANNELS),
            "format": _named(written_formats()),
            "interval": [(name, spoken.get(name, name)) for name in INTERVALS],
        }
        for name, choices in lists.items():
            self.fields[name].choices = choices  # type: ignore[attr-defined]


class ContactForm(forms.Form):
    """One contact."""

    kind = forms.ChoiceField(label=_("Kind"), choices=_spoken(CONTACT_KINDS))
    value = forms.CharField(
        label=_("Address or number"),
        max_length=320,
        help_text=_("A number begins with + and the country; a page with https://."),
    )
    purpose = forms.CharField(
        label=_("For"), required=False, max_length=40, help_text=_("One word, such as abuse.")
    )
    languages = forms.CharField(
        label=_("Languages"), required=False, max_length=100, help_text=_("Such as: en, nl")
    )
    hours = forms.CharField(
        label=_("Hours"),
        required=False,
        max_length=100,
        help_text=_("Such as 24/7, or Mon–Fri 09:00–17:00 Europe/Brussels"),
    )

    def clean_languages(self) -> tuple[str, ...]:
        """As a tuple."""
        words = self.cleaned_data["languages"].replace(",", " ").split()
        return tuple(sorted(set(words)))


class Key(forms.Form):
    """An armoured OpenPGP key, or none."""

    key = forms.CharField(
        label=_("OpenPGP key"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "The armoured public key. With it mail is encrypted; another takes its place; empty, "
            "it is taken away and mail goes unencrypted."
        ),
    )


class About(forms.Form):
    """What whoever runs the node says of a party."""

    name = forms.CharField(label=_("Name"), max_length=200)
    role = forms.ChoiceField(label=_("Role"), choices=_spoken(Role))
    country = forms.CharField(
        label=_("Country"), required=False, max_length=2, help_text=_("Two capitals, such as BE.")
    )
    member = forms.BooleanField(
        label=_("It joined, and is no mere contact"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "govuk-checkboxes__input"}),
    )


class Named(forms.Form):
    """A short name for a party."""

    slug = forms.CharField(
        label=_("Short name"),
        max_length=60,
        help_text=_("1 to 60 of a–z, 0–9 and -; it never changes."),
    )


class New(Named, About, Delivery):
    """A party that is not on file yet."""

    field_order = ("slug", "name", "role", "country", "member")


class RemitForm(forms.Form):
    """One thing a party answers for."""

    relation = forms.ChoiceField(label=_("Why it is told"), choices=_spoken(Relation))
    kind = forms.ChoiceField(label=_("Kind"), choices=_spoken(RemitKind))
    value = forms.CharField(
        label=_("Value"),
        max_length=253,
        help_text=_("64496 · 192.0.2.0/24 · 192.0.2.10-192.0.2.77 · BE · name.example · be"),
    )
    shared = forms.BooleanField(
        label=_("Each address serves many lines at once"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "govuk-checkboxes__input"}),
    )


class AgreementForm(forms.Form):
    """What opens a relation that is closed by default."""

    relation = forms.ChoiceField(label=_("Opens"), choices=_spoken(Relation))
    classes = forms.CharField(
        label=_("Classes"), max_length=500, help_text=_("Such as infected-system, phishing; or *")
    )
    reference = forms.CharField(label=_("Agreement"), max_length=200)
    basis = forms.CharField(label=_("Legal basis"), max_length=300)
    since = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean_classes(self) -> tuple[str, ...]:
        """As a tuple."""
        return tuple(sorted(set(self.cleaned_data["classes"].replace(",", " ").split())))
