"""What recurs on this node: the office's jobs and those of its desks, with their schedules."""

from django.apps import apps
from django.utils.module_loading import import_string

from tocsin.office.front import is_run
from tocsin.office.jobs import Recurring


def recurring() -> dict[str, Recurring]:
    """Job by name; `recurring` in a desk's `apps.py` names the function that lists its jobs.

    Of a desk that is not run these are the ways in (`ways_in`), which other desks live of.
    """
    named = [
        getattr(config, "recurring" if is_run(config) else "ways_in", "")
        for config in apps.get_app_configs()
    ]
    jobs = [job for name in named if name for job in import_string(name)()]
    return {job.name: job for job in jobs}
