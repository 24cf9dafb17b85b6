"""The forms of the shield, in the look of the house."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from tocsin.desks.shield.actions.appealing import LONGEST_TEXT as LONGEST_APPEAL
from tocsin.desks.shield.actions.deciding import LONGEST_REASON
from tocsin.desks.shield.actions.receiving import LARGEST_FILE, LONGEST_TEXT
from tocsin.desks.shield.queries.known import KINDS
from tocsin.rules.audiences import MEMBERS, PROVIDERS, PUBLIC

_INPUT, _SELECT, _AREA = "govuk-input", "govuk-select", "govuk-textarea"


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"class": _AREA, "rows": rows})


def _plain(**words: str) -> forms.TextInput:
    attrs = {"class": _INPUT, "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
    return forms.TextInput(attrs={**attrs, **words})


class Spoken(forms.Form):
    """In the words of a language file: labels, hints, and what is wrong."""

    says: ClassVar[dict[str, str]] = {}  # field to the key of its label; `…_hint` is its hint

    def __init__(self, *given: Any, text: Mapping[str, str], **named: Any) -> None:
        super().__init__(*given, **named)
        self.sentences = text
        for name, field in self.fields.items():
            key = self.says[name]
            field.label, field.help_text = text[key], text.get(f"{key}_hint", "")
            field.error_messages |= _wrong(field, text)


def _wrong(field: forms.Field, text: Mapping[str, str]) -> dict[str, str]:
    """By the code of a fault, what is said of it."""
    said = {"required": text["wrong_empty"], "null_characters_not_allowed": text["wrong_name"]}
    if isinstance(field, forms.FileField):
        fault = text["wrong_file"].format(most=LARGEST_FILE // 1024 // 1024)
        return said | dict.fromkeys(("invalid", "missing", "empty", "max_length"), fault)
    said["max_length"] = text["wrong_long"].format(most=getattr(field, "max_length", ""))
    return said | ({"invalid": text["wrong_mail"]} if isinstance(field, forms.EmailField) else {})


def _mail() -> forms.EmailField:
    return forms.EmailField(
        required=False, max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"})
    )


class ReportMessage(Spoken):
    """A suspicious message or address, from anybody."""

    says: ClassVar[dict[str, str]] = {
        "text": "report_text", "file": "report_file", "answer_to": "mail"
    }  # fmt: skip
    text = forms.CharField(required=False, max_length=LONGEST_TEXT, widget=_area(6))
    file = forms.FileField(required=False, max_length=255, widget=forms.FileInput())
    answer_to = _mail()

    def clean_file(self) -> Any:
        """As large as a report may be."""
        file = self.cleaned_data["file"]
        if file and file.size > LARGEST_FILE:
            raise forms.ValidationError(self.fields["file"].error_messages["invalid"])
        return file

    def clean(self) -> dict[str, Any]:
        """Something to look at."""
        said = self.cleaned_data
        if not self.errors and not (said.get("text") or said.get("file")):
            raise forms.ValidationError(self.sentences["wrong_nothing"])
        return said


class FileAppeal(Spoken):
    """Somebody says that a listing is wrong."""

    says: ClassVar[dict[str, str]] = {
        "about": "appeal_about",
        "text": "appeal_text",
        "is_cleaned": "appeal_cleaned",
        "answer_to": "mail",
    }
    about = forms.CharField(max_length=2000, widget=_plain())
    text = forms.CharField(max_length=LONGEST_APPEAL, widget=_area(6))
    is_cleaned = forms.BooleanField(required=False)
    answer_to = _mail()


class FindReference(Spoken):
    """What came of a report or an appeal."""

    says: ClassVar[dict[str, str]] = {"reference": "reference"}
    reference = forms.CharField(max_length=30, widget=_plain())


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
