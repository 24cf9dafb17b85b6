"""The forms of the response desk, in the look of the house."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.utils.translation import gettext_lazy as _

from tocsin.formats.catalogue import FORMATS
from tocsin.words.classes import TAXONOMY
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

    def clean_file(self) -> TemporaryUploadedFile:
        """Lies on disk already (`node.uploads`)."""
        file = self.cleaned_data["file"]
        if not isinstance(file, TemporaryUploadedFile):
            raise ValidationError(_("The file did not arrive. Possible: send it again."))
        return file


class Reason(forms.Form):
    """Why somebody looks at personal data."""

    why = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Such as the number of the case. It is written into the register."),
        widget=forms.TextInput(attrs={"class": _INPUT, "autocomplete": "off"}),
    )
