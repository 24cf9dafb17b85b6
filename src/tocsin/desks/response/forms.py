"""The forms of the response desk, in the look of the house."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from tocsin.desks.response.actions.take_in import LONGEST_MAPPING, mapping_text
from tocsin.formats.catalogue import FORMATS, chosen
from tocsin.office import sentences
from tocsin.words.classes import TAXONOMY
from tocsin.words.errors import TocsinError
from tocsin.words.markings import Tlp

_INPUT, _SELECT, _AREA = "govuk-input", "govuk-select", "govuk-textarea"


def _classes() -> list[Any]:
    groups = [(name, [(kind, kind) for kind in kinds]) for name, kinds in TAXONOMY.items()]
    return [("", _("what is usual for it")), *groups]


def _formats() -> list[tuple[str, Any]]:
    readable = [one.name for one in FORMATS.values() if one.cut and not one.with_mapping]
    return [("", _("recognise it")), *((name, name) for name in readable)]


def _tlp() -> forms.ChoiceField:
    return forms.ChoiceField(
        label=_("Marking (TLP)"),
        choices=[(one.value, one.value) for one in Tlp],
        initial=Tlp.AMBER.value,
        widget=forms.Select(attrs={"class": _SELECT}),
    )


class LookUp(forms.Form):
    """Who would be told of something."""

    target = forms.CharField(
        label=_("Address, network, domain or URL"),
        max_length=2000,
        widget=forms.TextInput(
            attrs={"class": _INPUT, "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    kind = forms.ChoiceField(
        label=_("Class"),
        required=False,
        choices=_classes,
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    port = forms.IntegerField(
        label=_("Source port"),
        required=False,
        min_value=0,
        max_value=65535,
        widget=forms.NumberInput(attrs={"class": f"{_INPUT} govuk-input--width-5"}),
    )
    tlp = _tlp()


class BringIn(forms.Form):
    """A report to be routed, or to see what routing would do."""

    file = forms.FileField(
        label=_("Report"),
        max_length=255,
        allow_empty_file=False,
        help_text=_("CSV, JSON, XARF, mail or a list of addresses; plain, in gzip or in zip."),
        widget=forms.FileInput(attrs={"class": "govuk-file-upload"}),
    )
    tlp = _tlp()
    format = forms.ChoiceField(
        label=_("Format"),
        required=False,
        choices=_formats,
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    classification = forms.ChoiceField(
        label=_("Class of rows that name none"),
        required=False,
        choices=lambda: [("", _("leave it open")), *_classes()[1:]],
        widget=forms.Select(attrs={"class": _SELECT}),
    )

    mapping = forms.FileField(
        label=_("Mapping, for CSV of any kind"),
        required=False,
        max_length=255,
        help_text=_(
            "A TOML file that says which column is what; see the documentation of formats."
        ),
        widget=forms.FileInput(attrs={"class": "govuk-file-upload"}),
    )

    def clean_mapping(self) -> str:
        """Its text, which reads as a mapping; whether the columns are there the report says."""
        sent = self.cleaned_data["mapping"]
        if not sent:
            return ""
        try:
            text = mapping_text(sent.read(LONGEST_MAPPING + 1))
            chosen(self.cleaned_data.get("format") or None, mapping=text)
        except TocsinError as fault:
            raise ValidationError(sentences.said(str(fault))) from None
        return text

    def clean_file(self) -> TemporaryUploadedFile:
        """Lies on disk already (`node.uploads`)."""
        file = self.cleaned_data["file"]
        if not isinstance(file, TemporaryUploadedFile):
            raise ValidationError(_("The file did not arrive. Possible: send it again."))
        return file


class BeginNotification(forms.Form):
    """An incident that one's own party notifies."""

    party = forms.ChoiceField(label=_("For"), widget=forms.Select(attrs={"class": _SELECT}))
    lifecycle = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            ("incident", _("Significant incident: owed (NIS2 art. 23)")),
            ("voluntary", _("Voluntary: incident, threat or near miss (NIS2 art. 30)")),
        ],
        widget=forms.Select(attrs={"class": _SELECT}),
    )
    subject = forms.CharField(
        label=_("What it is about"),
        max_length=200,
        help_text=_("A few words, without names of people."),
        widget=forms.TextInput(attrs={"class": _INPUT, "autocomplete": "off"}),
    )
    aware_at = forms.DateTimeField(
        label=_("Aware of it since (UTC)"),
        help_text=_("The clocks of an incident that is owed run from then."),
        widget=forms.DateTimeInput(
            attrs={"class": f"{_INPUT} govuk-input--width-20", "type": "datetime-local"},
            format="%Y-%m-%dT%H:%M",
        ),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    case = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, parties: list[tuple[str, str]], **words: Any) -> None:
        super().__init__(*args, **words)
        self.fields["party"].choices = parties  # type: ignore[attr-defined]


def _says(label: Any, hint: Any = "", *, required: bool = True) -> forms.CharField:
    area = forms.Textarea(attrs={"class": _AREA, "rows": 3})
    return forms.CharField(label=label, help_text=hint, required=required, widget=area)


def _guess(label: Any) -> forms.ChoiceField:
    said = [(word, word) for word in (_("not known yet"), _("yes"), _("no"))]
    return forms.ChoiceField(label=label, choices=said, widget=forms.Select({"class": _SELECT}))


def _asked(step: str) -> dict[str, forms.Field]:
    """What a step of a notification is to say: NIS2 23(4) point by point (unverified)."""
    fields: dict[str, dict[str, forms.Field]] = {
        "warn": {
            "malicious": _guess(_("Suspected of unlawful or malicious acts")),
            "cross_border": _guess(_("Could have an impact across borders")),
            "text": _says(_("What is known")),
        },
        "notify": {
            "text": _says(_("First assessment: severity and impact")),
            "changed": _says(_("What changed since the early warning"), required=False),
            "indicators": _says(_("Indicators of compromise, where there are any"), required=False),
        },
        "report": {
            "text": _says(_("What happened, its severity and its impact")),
            "cause": _says(_("Kind of threat, or root cause")),
            "measures": _says(_("Measures taken and under way")),
            "cross_border": _says(_("Impact across borders, where there is any"), required=False),
        },
        "ask": {"text": _says(_("What you ask for"))},
        "handle": {"text": _says(_("Note"), required=False)},
        "drop": {"text": _says(_("Why it is not significant"), required=False)},
        "acknowledge": {"text": _says(_("Note"), required=False)},
        "close": {"text": _says(_("Note"), required=False)},
    }
    return fields.get(step, {"text": _says(_("What is to be said"))})


class NotificationStep(forms.Form):
    """What goes with one step of a notification; `said` is all of it as one text."""

    def __init__(self, data: QueryDict | None = None, *, step: str) -> None:
        super().__init__(data, auto_id=f"{step}-%s")
        self.fields |= _asked(step)

    def said(self) -> str:
        """A field alone is its text; of several, each stands under its question."""
        given = [(self.fields[name].label, said) for name, said in self.cleaned_data.items()]
        if len(given) == 1:
            return str(given[0][1])
        pairs = ((label, said, "\n" if "\n" in said else " ") for label, said in given if said)
        return "\n".join(f"{label}:{gap}{said}" for label, said, gap in pairs)


class Reason(forms.Form):
    """Why somebody looks at personal data."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Such as the number of the case. It is written into the register."),
        widget=forms.TextInput(attrs={"class": _INPUT, "autocomplete": "off"}),
    )
