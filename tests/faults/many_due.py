"""Twenty thousand deliveries that are due among as many that are done: how a claim finds one.

Says the plan of the database and how long a claim takes, in milliseconds.
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tocsin.node.store import open_store

MANY = 20_000


def main() -> None:
    from django.db import connection

    from tocsin.office import outbox
    from tocsin.office.models import Delivery

    first, at = Delivery.objects.get(), datetime.now(UTC)
    for state in ("ready", "delivered"):
        rows = []
        for number in range(MANY):
            row = Delivery.objects.get(pk=first.pk) if not rows else rows[0]
            words = {f.attname: getattr(row, f.attname) for f in Delivery._meta.concrete_fields}
            words |= {"id": None, "uid": uuid4(), "idempotency_key": uuid4().hex, "state": state}
            words |= {"next_attempt_at": at - timedelta(seconds=number)}
            rows.append(Delivery(**words))
        Delivery.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    held = Delivery.objects.filter(lease_until__gt=at, channel__in=["webhook"]).order_by()
    plans = (outbox.waiting(at, over=["folder"])[:1], held.values_list("party_id"))
    plan = "\n".join(query.explain() for query in plans)
    began = time.perf_counter()
    for number in range(20):
        outbox.claim(owner=f"w{number}", at=at, limit=1, over=["folder"], in_turn=["webhook"])
    took = (time.perf_counter() - began) / 20 * 1000
    json.dump({"plan": plan, "milliseconds": took}, sys.stdout)


open_store(Path(sys.argv[1]))
main()
