"""The lists that stop mistakes of the shield: whether a node that lists has filled them."""

from collections.abc import Iterator

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import note, ok

AREA = "shield"
FILL = "tocsin shield names import"
# What nothing that comes with Tocsin stands in for.
NEEDED = ("always_passes", "essential", "top_site", "brand_own")


def look(_case: Case) -> Iterator[Finding]:
    """Of a node that has reports or listings: a list without a name stops no mistake."""
    from tocsin.desks.shield.models import Listing, Message, Name, NameList

    if not Listing.objects.exists() and not Message.objects.exists():
        return
    filled = {*Name.objects.values_list("kind", flat=True).distinct()}
    filled |= {*NameList.objects.values_list("kind", flat=True)}
    if empty := [kind.replace("_", " ") for kind in NEEDED if kind not in filled]:
        what = f"lists that stop a mistaken listing are empty: {', '.join(empty)}"
        yield note(AREA, what, FILL)
    else:
        yield ok(AREA, "every list that stops a mistaken listing has names")
