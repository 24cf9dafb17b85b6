"""The forms of the shield, in the look of the house."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from tocsin.desks.shield.actions.appealing import LONGEST_TEXT as LONGEST_APPEAL
from tocsin.desks.shield.actions.deciding import LONGEST_REASON
from tocsin.desks.shield.actions.receiving import LONGEST_TEXT
from tocsin.desks.shield.queries.known import KINDS
from tocsin.rules.audiences import MEMBERS, PROVIDERS, PUBLIC

_INPUT, _SELECT, _AREA = "govuk-input", "govuk-select", "govuk-textarea"


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"class": _AREA, "rows": rows})


def _plain(**words: str) -> forms.TextInput:
    attrs = {"class": _INPUT, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.TextInput(attrs={**attrs, **words})


def _mail() -> forms.EmailField:
    return forms.EmailField(
        label=_("Your e-mail address, if you want an answer"),
        required=False,
        max_length=254,
        help_text=_("You can also come back with the reference. We erase it with the answer."),
        widget=forms.EmailInput(attrs={"class": _INPUT, "autocomplete": "email"}),
    )


class ReportMessage(forms.Form):
    """A suspicious message or address, from anybody."""

    text = forms.CharField(
        label=_("The address, or the text of the message"),
        required=False,
        max_length=LONGEST_TEXT,
        help_text=_("Do not open the link: copy it. A text message can be pasted whole."),
        widget=_area(6),
    )
    file = forms.FileField(
        label=_("The message as a file, or a picture of it"),
        required=False,
        max_length=255,
        help_text=_("Optional: .eml, .msg, or a screenshot; at most 5 MiB."),
        widget=forms.FileInput(attrs={"class": "govuk-file-upload"}),
    )
    answer_to = _mail()


class FileAppeal(forms.Form):
    """Somebody says that a listing is wrong."""

    about = forms.CharField(
        label=_("Name, address or reference of the listing"), max_length=2000, widget=_plain()
    )
    text = forms.CharField(label=_("Why it is wrong"), max_length=LONGEST_APPEAL, widget=_area(6))
    is_cleaned = forms.BooleanField(
        label=_("The site is mine, it was broken into, and it is clean again"),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "govuk-checkboxes__input"}),
    )
    answer_to = _mail()


class CheckName(forms.Form):
    """Is it listed?"""

    name = forms.CharField(label=_("Name or address"), max_length=2000, widget=_plain())


class FindReference(forms.Form):
    """What came of a report or an appeal."""

    reference = forms.CharField(label=_("Reference"), max_length=30, widget=_plain())


class Approve(forms.Form):
    """The first of two people approves what the software chose, or less."""

    url = forms.CharField(label=_("Address"), max_length=2000, widget=_plain())
    scope = forms.ChoiceField(
        label=_("What to list"),
        required=False,
        choices=[
            ("", _("what the software chose")),
            ("host", _("the host name only")),
            ("url", _("this one address only")),
        ],
        help_text=_("You may narrow it; wider than was chosen is not possible."),
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    is_shared = forms.BooleanField(
        label=_(
            "This site also serves something else, or was broken into: list this address alone"
        ),
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "govuk-checkboxes__input"}),
    )
    reason = forms.CharField(
        label=_("Why it is fraud"),
        max_length=LONGEST_REASON,
        help_text=_("Whoever is blocked can read it."),
        widget=_area(3),
    )
    basis = forms.CharField(label=_("Legal basis"), max_length=300, widget=_plain())
    tlp = forms.ChoiceField(
        label=_("For whom"),
        required=False,
        choices=[
            (PUBLIC.most.value, _("everybody (TLP:CLEAR)")),
            (MEMBERS.most.value, _("members, and those below (TLP:GREEN)")),
            (PROVIDERS.most.value, _("providers and national teams (TLP:AMBER)")),
        ],
        help_text=_("Whoever is not among them sees no trace of it, on no page and in no list."),
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    address = forms.CharField(
        label=_("Address that the name leads to, if somebody reported it"),
        required=False,
        max_length=45,
        help_text=_("Its network is told. Nothing is looked up unless the operator wants it."),
        widget=_plain(),
    )


class Reason(forms.Form):
    """A step with its reason."""

    text = forms.CharField(label=_("Reason"), max_length=LONGEST_REASON, widget=_area(3))

    def __init__(self, *words: Any, step: str = "", **named: Any) -> None:
        super().__init__(*words, **named)
        self.fields["text"].required = step not in ("confirm", "take", "release")
        if not self.fields["text"].required:
            self.fields["text"].label = _("Remark, if you like")


class RecordRecheck(forms.Form):
    """What somebody saw who looked again."""

    found = forms.ChoiceField(
        label=_("What did you see?"),
        choices=[
            ("still_fraud", _("still fraud: it stays listed")),
            ("cleaned", _("clean again, or somebody else’s: it is withdrawn now")),
            ("gone", _("nothing answers: it stays listed, since it may come back")),
        ],
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    text = forms.CharField(label=_("What there is now"), max_length=LONGEST_REASON, widget=_area(3))


class AddNames(forms.Form):
    """Names for one of the lists that stop mistakes."""

    kind = forms.ChoiceField(
        label=_("List"),
        choices=[(kind, kind.replace("_", " ")) for kind in KINDS],
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    values = forms.CharField(label=_("Names, one a line"), max_length=500_000, widget=_area(5))
    brand = forms.CharField(label=_("Brand"), required=False, max_length=100, widget=_plain())
    words = forms.CharField(
        label=_("Words people know it by"),
        required=False,
        max_length=200,
        help_text=_("With commas between them."),
        widget=_plain(),
    )
