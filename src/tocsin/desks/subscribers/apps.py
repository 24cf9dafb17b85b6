"""The provider's desk as Django sees it."""

from django.apps import AppConfig

from tocsin.office.shapes import COUNT, TEXT, Shape

_IMPORT = Shape(
    {"source": TEXT, "digest": TEXT, "messages": COUNT, "spans": COUNT, "refused": COUNT},
    summed=("messages", "spans", "refused"),
    counted=("source",),
)


class Subscribers(AppConfig):
    """Whose line it was, what warning they got, whether it is clean."""

    name = "tocsin.desks.subscribers"
    label = "subscribers"
    verbose_name = "Subscribers"
    # For erasure (office.erasure): fields that may name a person, and what else is searched.
    personal_texts = {"LogImport": ("name",)}
    named_texts = {"Contact": ("name", "email", "phone")}
    erase_files = "tocsin.desks.subscribers.actions.erasing.erase_bindings"
    # For retention (office.retention): what drops files of ours that are due.
    retain_files = "tocsin.desks.subscribers.actions.keeping.drop_due"
    register_shapes = {
        "subscribers:log:import": _IMPORT,
        "subscribers:contact:import": Shape({"digest": TEXT, "lines": COUNT}, summed=("lines",)),
        "subscribers:line:consult": Shape(
            {"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",)
        ),
    }
