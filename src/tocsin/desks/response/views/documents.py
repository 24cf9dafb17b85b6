"""What is taken along as a document."""

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from tocsin.desks.response.actions.consulting import consult_case_file
from tocsin.desks.response.views.cases import READ
from tocsin.office.attachments import attachment
from tocsin.office.documents.pdf import MEDIA_TYPE, pdf, require_installed
from tocsin.office.people.asking import Asked, needs


@needs(*READ)
@require_POST
def case_pdf(request: Asked, uid: UUID) -> HttpResponseBase:
    """One case as PDF; whoever takes it says why, and the register keeps it."""
    require_installed()
    at = datetime.now(UTC)
    found = consult_case_file(request.viewer, uid, why=request.POST.get("why", ""), at=at)
    case = found.file.case
    said = {
        "case": case,
        "file": found.file,
        "why": found.why,
        "row": found.row,
        "at": at,
        "node": settings.NODE_NAME,
    }
    html = render_to_string("response/case_document.html", said, request=request)
    return attachment(pdf(html), name=f"{case.reference}.pdf", media_type=MEDIA_TYPE)
