"""Parties and what is due for them, for a process that is given a plan on standard input.

{"parties": {slug: [channel, address, notices]}, "attempt": n, "clocks": [seconds from now]}
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

from tocsin.node.store import Store, open_store


def queue(plan: dict, opened: Store, at: datetime) -> None:
    from django.db import transaction

    from tocsin.office import keys, notices
    from tocsin.office.models import Delivery, Party

    words = {"role": "isp", "country": "BE", "format": "idf-csv"}
    for slug, (channel, address, count) in plan["parties"].items():
        fresh = {"name": slug.title(), **words, "created_at": at, "updated_at": at}
        party, is_new = Party.objects.get_or_create(
            slug=slug, defaults={**fresh, "channel": channel, "channel_address": address}
        )
        if channel == "webhook" and is_new:
            keys.make_webhook_secret(opened.keys, slug)
        with transaction.atomic():
            for number in range(count):
                notices.queue_notice(
                    party=party,
                    about=uuid4().hex,
                    subject=f"Notice {number}",
                    text=f"For {slug}, number {number}.\n" * 20,
                    facts={"number": number},
                    at=at,
                    store_folder=opened.path,
                    node="cert",
                )
    if "attempt" in plan:
        Delivery.objects.update(attempt=plan["attempt"])


def start_clocks(seconds: list[float], at: datetime) -> None:
    """Clocks that ring for the first time so many seconds from now."""
    from tocsin.office import deadlines
    from tocsin.office.models import Party
    from tocsin.rules import acts
    from tocsin.rules.calendar import PublicHolidays
    from tocsin.rules.deadline import Due, alarms, in_force

    rule = in_force(acts.DEADLINES, "nis2:notify", on=at.date())
    before = at - alarms(rule, Due(at, at, ""))[0].at
    for until in seconds:
        deadlines.start(
            rule,
            matter=uuid4(),
            party=Party.objects.order_by("pk").first(),
            started_at=at + timedelta(seconds=until) + before - rule.within,
            zone=ZoneInfo("Europe/Brussels"),
            holidays=PublicHolidays("BE"),
            by="test",
            at=at,
        )


def main() -> None:
    plan, at = json.load(sys.stdin), datetime.now(UTC)
    queue(plan, open_store(Path(sys.argv[1])), at)
    start_clocks(plan.get("clocks", []), at)


main()
