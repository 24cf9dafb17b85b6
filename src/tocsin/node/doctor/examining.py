"""The round: every area in turn, whatever the one before was like."""

from collections.abc import Iterable, Iterator

from tocsin.node.console import clean
from tocsin.node.doctor import (
    backups,
    channels,
    clock,
    confining,
    database,
    deadlines,
    deliveries,
    files,
    jobs,
    keys,
    machine,
    networks,
    parties,
    public_log,
    register,
    retention,
    runs,
    security,
    settings,
    store,
    warning_lists,
    workers,
    zones,
)
from tocsin.node.doctor.finding import Area, Case, Finding, State
from tocsin.node.doctor.opening import opened
from tocsin.node.doctor.words import wrong
from tocsin.words.errors import TocsinError

# Without a store, a database or Django.
FIRST = (
    Area("software", machine.look_at_software),
    Area("time zones", machine.look_at_zones),
    Area("settings", settings.look),
    Area("security", security.look),
    Area("store", store.look),
    Area("confinement", confining.look),
)
WITH_STORE = (Area("keys", keys.look), Area("networks", networks.look))
WITH_DATABASE = (
    Area("keys", keys.look_at_use),
    Area("leftovers", store.look_for_leftovers),
    Area("parties", parties.look),
    Area("channels", channels.look),
    Area("files", files.look),
    Area("runs", runs.look),
    Area("deliveries", deliveries.look),
    Area("workers", workers.look),
    Area("jobs", jobs.look),
    Area("deadlines", deadlines.look),
    Area("register", register.look),
    Area("public log", public_log.look),
    Area("backups", backups.look),
    Area("retention", retention.look),
    Area("shield", warning_lists.look),
    Area("zones", zones.look),
    Area("clock", clock.look),
)
DATABASE = Area("database", database.look)


def examine(case: Case) -> list[Finding]:
    """All findings; raises nothing, changes nothing."""
    found = [*_each(FIRST, case)]
    if not case.store.path.is_dir():
        return found
    found += _each(WITH_STORE, case)
    try:
        with opened(case.store):
            answer = [*_look(DATABASE, case)]
            found += answer
            if not is_wrong(answer):
                found += _each(WITH_DATABASE, case)
    except Exception as fault:
        found.append(_not_looked_at("database", fault))
    return found


def is_wrong(findings: Iterable[Finding]) -> bool:
    """Whether anything is wrong among them."""
    return any(one.state is State.WRONG for one in findings)


def _each(areas: Iterable[Area], case: Case) -> Iterator[Finding]:
    for area in areas:
        yield from _look(area, case)


def _look(area: Area, case: Case) -> list[Finding]:
    """What an area finds; a slip there keeps no other area from its turn."""
    found: list[Finding] = []
    try:
        found.extend(area.look(case))
    except Exception as fault:
        found.append(_not_looked_at(area.name, fault))
    return found


def _not_looked_at(area: str, fault: Exception) -> Finding:
    if isinstance(fault, TocsinError):
        what, _, mend = str(fault).partition(" Possible: ")
        return wrong(area, what.rstrip("."), mend)
    said = clean(" ".join(str(fault).split()))[:300]
    mend = "mend that if it says enough; else please report it"
    return wrong(area, f"it could not be looked at: {type(fault).__name__}: {said}", mend)
