"""What programs may ask of the response desk; `node.api` mounts it at /api/v1/."""

from ninja import Router

from tocsin.desks.response.api.cases import router as cases
from tocsin.desks.response.api.deliveries import router as deliveries
from tocsin.desks.response.api.figures import router as figures
from tocsin.desks.response.api.reports import router as reports
from tocsin.desks.response.api.uploads import router as uploads

router = Router()
for part in (reports, uploads, deliveries, cases, figures):
    router.add_router("", part)

__all__ = ["router"]
