"""The provider's desk as Django sees it."""

from django.apps import AppConfig

from tocsin.office.shapes import COUNT, TEXT, Shape
from tocsin.rules.retention import Place

_IMPORT = Shape(
    {"source": TEXT, "digest": TEXT, "messages": COUNT, "spans": COUNT, "refused": COUNT},
    summed=("messages", "spans", "refused"),
    counted=("source",),
)
_FATES = ("events", "exact", "ambiguous", "nobody", "not_attributable")
_ADOPTED = Shape({"playbook": TEXT, "version": COUNT}, counted=("playbook",))
_TOLD = Shape({"kind": TEXT, "tries": COUNT}, counted=("kind",))
_WARNED = Shape(
    {"kind": TEXT, "playbook": TEXT, "version": COUNT, "step": COUNT, "way": TEXT},
    counted=("kind", "playbook", "way"),
)


class Subscribers(AppConfig):
    """Whose line it was, what warning they got, whether it is clean."""

    name = "tocsin.desks.subscribers"
    label = "subscribers"
    verbose_name = "Subscribers"
    recurring = "tocsin.desks.subscribers.tasks.recurring"
    # For erasure (office.erasure): fields that may name a person, and what else is searched.
    personal_texts = {
        "LogImport": ("name",),
        "Finding": ("family", "device"),
        "Measure": ("last_error",),
        "Outgoing": ("last_error",),
    }
    named_texts = {"Contact": ("name", "email", "phone")}
    erase_files = "tocsin.desks.subscribers.actions.erasing.erase_bindings"
    # For retention (office.retention): rows, and what drops files of ours that are due.
    retention = (("Finding", Place.FINDINGS, "changed_at", None),)
    retain_files = "tocsin.desks.subscribers.actions.keeping.drop_due"
    register_shapes = {
        "subscribers:log:import": _IMPORT,
        "subscribers:contact:import": Shape({"digest": TEXT, "lines": COUNT}, summed=("lines",)),
        "subscribers:line:look_up": Shape(dict.fromkeys(_FATES, COUNT), summed=_FATES),
        "subscribers:line:warn": _WARNED,
        "subscribers:line:fall_back": Shape(
            {"way": TEXT, "instead": TEXT}, counted=("way", "instead")
        ),
        **{f"subscribers:playbook:{verb}": _ADOPTED for verb in ("propose", "approve", "withdraw")},
        "subscribers:measure:ask": Shape(
            {"kind": TEXT, "playbook": TEXT, "version": COUNT}, counted=("kind", "playbook")
        ),
        "subscribers:measure:set": _TOLD,
        "subscribers:measure:lift": _TOLD,
        "subscribers:measure:fail": Shape({"kind": TEXT, "to": TEXT}, counted=("kind", "to")),
        "subscribers:measure:release": Shape(
            {"kind": TEXT, "how": TEXT}, may={"why": TEXT}, counted=("kind", "how")
        ),
        "subscribers:line:cure": Shape(
            {"kind": TEXT, "cure": TEXT}, may={"why": TEXT}, counted=("kind", "cure")
        ),
        "subscribers:outcome:tell": Shape(
            {"kind": TEXT, "deliveries": COUNT}, summed=("deliveries",), counted=("kind",)
        ),
        "subscribers:line:consult": Shape(
            {"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",)
        ),
    }
