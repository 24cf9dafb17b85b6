"""What programs may ask of the response desk; `node.api` mounts it at /api/v1/."""

from ninja import Router

from tocsin.desks.response.api.cases import router as case_calls
from tocsin.desks.response.api.deadlines import router as deadline_calls
from tocsin.desks.response.api.deliveries import router as delivery_calls
from tocsin.desks.response.api.figures import router as figure_calls
from tocsin.desks.response.api.notifications import router as notification_calls
from tocsin.desks.response.api.reports import router as report_calls
from tocsin.desks.response.api.uploads import router as upload_calls

router = Router()
for calls in (
    report_calls,
    upload_calls,
    delivery_calls,
    case_calls,
    deadline_calls,
    notification_calls,
    figure_calls,
):
    router.add_router("", calls)

__all__ = ["router"]
