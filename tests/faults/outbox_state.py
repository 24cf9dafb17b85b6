"""What a database says of deliveries, clocks and workers, as JSON; changes nothing."""

import json
import sys
from pathlib import Path

from tocsin.node.store import Store, set_up_django


def main() -> None:
    from tocsin.office.models import Deadline, Delivery, RegisterRow, Worker

    deliveries = Delivery.objects.select_related("party").order_by("pk")
    rows = RegisterRow.objects.filter(action__startswith="office:de").order_by("pk")
    facts = {
        "deliveries": [
            {
                "uid": str(one.uid),
                "party": one.party.slug,
                "channel": one.channel,
                "state": one.state,
                "attempt": one.attempt,
                "digest": one.digest,
                "name": Path(one.path).name,
                "error": one.last_error,
            }
            for one in deliveries
        ],
        "clocks": [[str(one.matter), one.told] for one in Deadline.objects.all()],
        "rows": [[row.action, str(row.subject), row.actor] for row in rows],
        "workers": {one.owner: one.stopped_at is not None for one in Worker.objects.all()},
    }
    json.dump(facts, sys.stdout)


set_up_django(Store(Path(sys.argv[1])))
main()
