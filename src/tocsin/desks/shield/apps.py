"""The phishing shield as Django sees it."""

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tocsin.office.front import Entry, Section
from tocsin.office.sealed_texts import SealedText
from tocsin.office.shapes import COUNT, FLAG, TEXT, Shape
from tocsin.rules.retention import Place
from tocsin.rules.shield import APPEAL, LISTING

_READ = ("shield:listing:read", "shield:listing:read_own")
FRONT = Section(
    _("Shield"),
    (
        Entry(_("Queue"), "shield:queue", ("shield:message:read",)),
        Entry(_("Listings"), "shield:listings", _READ),
        Entry(_("Appeals"), "shield:appeals", ("shield:appeal:review",)),
        Entry(_("Re-checks"), "shield:rechecks", ("shield:listing:review",)),
        Entry(_("Names"), "shield:names", ("shield:name:change",)),
    ),
)
_LISTING = Shape({"scope": TEXT, "state": TEXT}, counted=("scope", "state"))
_APPEAL = Shape(
    {"state": TEXT, "is_cleaned": FLAG},
    may={"is_public": TEXT},  # "yes" where everybody may know of the listing
    counted=("state", "is_public"),
)
_LIST = Shape({"kind": TEXT, "come": COUNT, "go": COUNT}, summed=("come", "go"), counted=("kind",))
_NAMES = Shape({"kind": TEXT, "names": COUNT}, summed=("names",), counted=("kind",))


class Shield(AppConfig):
    """Vetted listings, DNS protection, the warning page, appeals."""

    name = "tocsin.desks.shield"
    label = "shield"
    verbose_name = "Shield"
    recurring = "tocsin.desks.shield.tasks.recurring"
    home_cards = "tocsin.desks.shield.queries.front.cards"
    front = FRONT
    # For erasure (office.erasure.texts): texts of ours that may name a person.
    sealed_texts = (
        SealedText("Appeal", "sealed", "shield appeal"),
        SealedText("Appeal", "sealed_about", "shield appeal"),
        SealedText("Appeal", "sealed_address", "shield address", is_whole=True),
        SealedText("Claim", "sealed", "shield appeal"),
        SealedText("Claim", "sealed_about", "shield appeal"),
        SealedText("Message", "sealed", "shield message"),
        SealedText("Message", "sealed_address", "shield address", is_whole=True),
        SealedText("Message", "sealed_letters", "shield message"),
    )
    personal_texts = {
        "Act": ("text",),
        "Announcement": ("problem",),
        "Appeal": ("outcome",),
        "Grounds": ("facts",),
        "Group": ("key", "landing", "lure", "reasons"),
        "Listing": ("because", "reason", "basis", "url", "value", "warnings"),
        "Look": ("fault", "hops", "landing", "names", "place", "title", "url"),
        "Message": ("outcome",),
        "NameList": ("licence", "origin", "title"),
        "Notice": ("because",),
        "Recheck": ("text",),
        "Sighting": ("host", "subject", "url"),
        "Term": ("value",),
    }
    # For retention (office.retention): model, place, counted from which field, emptied to what.
    retention: tuple[tuple[str, Place, str, dict[str, Any] | None], ...] = (
        ("Message", Place.SHIELD_MESSAGES, "received_at", None),
        ("Claim", Place.SHIELD_MESSAGES, "filed_at", None),
        ("Arrival", Place.SHIELD_MESSAGES, "at", None),
        ("Listing", Place.LISTINGS, "changed_at", None),
        ("Group", Place.GROUPS, "changed_at", None),
        ("Visit", Place.SHIELD_VISITS, "hour", None),
    )
    register_shapes = {
        "shield:appeal:file": _APPEAL,
        **{f"shield:appeal:{step.name}": _APPEAL for step in APPEAL.steps},
        # The same of each, whatever is listed.
        "shield:claim:file": Shape({}),
        "shield:claim:take": Shape({}),
        "shield:grounds:export": Shape({"digest": TEXT, "size": COUNT, "why": TEXT}),
        "shield:grounds:keep": Shape(
            {"digest": TEXT, "messages": COUNT, "addresses": COUNT}, summed=("messages",)
        ),
        "shield:group:fetch": Shape({}),
        "shield:group:reject": Shape(
            {"state": TEXT, "messages": COUNT}, summed=("messages",), counted=("state",)
        ),
        **{f"shield:listing:{step.name}": _LISTING for step in LISTING.steps},
        "shield:listing:notify": Shape(
            dict.fromkeys(("kind", "party", "relation", "delivery", "digest"), TEXT),
            counted=("kind", "relation"),
        ),
        "shield:list:forget": _LIST,
        "shield:list:import": _LIST,
        "shield:message:consult": Shape(
            {"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",)
        ),
        "shield:message:receive": Shape(
            {"via": TEXT, "addresses": COUNT}, summed=("addresses",), counted=("via",)
        ),
        "shield:name:add": _NAMES,
        "shield:name:remove": _NAMES,
        "shield:recheck:record": Shape({"found": TEXT, "is_late": FLAG}, counted=("found",)),
        "shield:term:begin": Shape({"scope": TEXT, "within": TEXT}, counted=("scope", "within")),
        "shield:term:end": Shape(
            {"scope": TEXT, "cause": TEXT, "within": TEXT}, counted=("cause", "scope", "within")
        ),
    }
