"""People as Django sees them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tocsin.office.front import Entry, Section
from tocsin.office.shapes import COUNT, TEXT, TEXTS, Shape

_INVITATION = Shape({"party": TEXT, "competences": TEXTS, "until": TEXT.or_nothing()})
_CONSULTED = Shape({"why": TEXT, "what": TEXT, "shown": COUNT}, summed=("shown",))
_GROUP = Shape({"party": TEXT.or_nothing()})


class People(AppConfig):
    """Persons, mandates, invitations, tokens, sharing groups."""

    name = "tocsin.office.people"
    label = "people"
    verbose_name = "People"
    recurring = "tocsin.office.people.tasks.recurring"

    front = Section(
        _("Organisation"),
        (
            Entry(_("Parties"), "parties:parties", ("office:party:read", "office:party:read_own")),
            Entry(_("People"), "people:people", ("office:person:read",)),
            Entry(_("Sharing groups"), "people:groups", ("office:sharing_group:read",)),
        ),
    )
    register_shapes = {
        "office:contact:consult": _CONSULTED,
        "office:invitation:accept": _INVITATION,
        "office:invitation:send": _INVITATION,
        "office:invitation:withdraw": _INVITATION,
        "office:person:change": Shape({"changed": TEXTS}),
        "office:person:consult": _CONSULTED,
        "office:person:end_sessions": Shape({}),
        "office:person:take_factor": Shape({}),
        "office:sharing_group:add": _GROUP,
        "office:sharing_group:end": _GROUP,
        "office:sharing_group:make": _GROUP,
        "office:sharing_group:remove": _GROUP,
    }
