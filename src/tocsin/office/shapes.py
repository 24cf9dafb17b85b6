"""Which facts an action states: one table for the office, one per desk in its `apps.py`.

A shape is a list of facts with their kinds. `register.record` refuses an action without a shape,
and facts that do not fit it, so that what a reader, a figure or an auditor expects of a row is
always there. `summed` facts are added up and `counted` ones counted value by value when a period
is closed; no fact that may name a person is ever counted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.apps import apps

from tocsin.words.errors import Unusable


@dataclass(frozen=True)
class Kind:
    """What a fact may be: its word, and whether a value is one."""

    word: str
    fits: Callable[[Any], bool]
    optional: bool = False

    def or_nothing(self) -> "Kind":
        """The same, and it may be null."""
        return Kind(f"{self.word} or null", self.fits, optional=True)

    def accepts(self, value: Any) -> bool:
        """Whether a value may stand here."""
        return self.optional if value is None else self.fits(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_tree(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_tree(item) for key, item in value.items())
    return _is_count(value)


TEXT = Kind("text", lambda value: isinstance(value, str))
COUNT = Kind("whole number", _is_count)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
TEXTS = Kind("list of texts", lambda v: isinstance(v, list) and all(isinstance(i, str) for i in v))
TREE = Kind("counts by name", lambda value: isinstance(value, dict) and _is_tree(value))


@dataclass(frozen=True)
class Shape:
    """The facts of one action: those it always states, and those it may leave out."""

    facts: Mapping[str, Kind]
    may: Mapping[str, Kind] = field(default_factory=dict)
    summed: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()

    def require(self, action: str, facts: Mapping[str, Any]) -> None:
        """Raise `Unusable` for facts that are missing, too many or of another kind."""
        known = {**self.may, **self.facts}
        wrong = [f"{name} is missing" for name in self.facts if name not in facts]
        wrong += [f"{name} is no fact of it" for name in facts if name not in known]
        wrong += [
            f"{name} is to be a {known[name].word}"
            for name, value in facts.items()
            if name in known and not known[name].accepts(value)
        ]
        if wrong:
            raise Unusable(f"register {action}: {'; '.join(wrong)}. Possible: {self._text()}")

    def _text(self) -> str:
        always = [f"{name} ({kind.word})" for name, kind in self.facts.items()]
        return ", ".join([*always, *(f"perhaps {name} ({k.word})" for name, k in self.may.items())])


_DELIVERY = {"party": TEXT, "relation": TEXT, "rows": COUNT, "digest": TEXT, "attempt": COUNT}
_DEADLINE = {"rule": TEXT, "party": TEXT.or_nothing(), "due": TEXT}
_CONSULTED = Shape({"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",))

OFFICE: dict[str, Shape] = {
    "office:backup:make": Shape(
        {
            "backup": TEXT,
            "folder": TEXT,
            "keys": TEXT,
            "rows": COUNT,
            "files": COUNT,
            "size": COUNT,
        }
    ),
    "office:backup:restore": Shape(
        {"backup": TEXT, "made_at": TEXT, "tool": TEXT, "rows": COUNT, "files": COUNT}
    ),
    "office:contact:mark_dead": Shape({"parties": TEXTS, "why": TEXT}),
    "office:contact:mark_alive": Shape({"parties": TEXTS, "why": TEXT}),
    "office:contacts:import": Shape(
        {
            "source": TEXT,
            "as_of": TEXT.or_nothing(),
            "parties": TREE,
            "remits": TREE,
            "contacts": TREE,
            "dead": COUNT,
            "nested": COUNT,
            "flawed": COUNT,
            "placeholders": COUNT,
            "digests": TEXTS,
        },
        counted=("source",),
    ),
    "office:deadline:meet": Shape({**_DEADLINE, "is_late": FLAG}, counted=("rule",)),
    "office:deadline:remind": Shape(
        {**_DEADLINE, "told": TEXTS, "is_passed": FLAG}, counted=("rule",)
    ),
    "office:deadline:start": Shape({**_DEADLINE, "because": TEXT}, counted=("rule",)),
    "office:deadline:withdraw": Shape({**_DEADLINE, "why": TEXT}, counted=("rule",)),
    "office:delivery:hand_over": Shape(
        _DELIVERY, may={"where": TEXT}, summed=("rows", "attempt"), counted=("relation",)
    ),
    "office:delivery:park": Shape(
        _DELIVERY, may={"why": TEXT}, summed=("rows",), counted=("relation",)
    ),
    "office:delivery:redact": Shape(
        {"state": TEXT, "rows": COUNT, "digest": TEXT, "copy": TEXT, "why": TEXT}, summed=("rows",)
    ),
    "office:delivery:resume": Shape(_DELIVERY, summed=("rows",), counted=("relation",)),
    "office:delivery:withdraw": Shape({"digest": TEXT, "rows": COUNT}, summed=("rows",)),
    "office:evidence:consult": _CONSULTED,
    "office:evidence:export": Shape(
        {"digest": TEXT, "asked_for": TEXT, "size": COUNT, "why": TEXT}, summed=("size",)
    ),
    "office:evidence:forget": Shape(
        {"digest": TEXT, "evidence_class": TEXT, "size": COUNT, "why": TEXT},
        summed=("size",),
        counted=("evidence_class",),
    ),
    "office:evidence:hold": Shape(
        {"digest": TEXT, "authority": TEXT, "reference": TEXT, "until": TEXT.or_nothing()}
    ),
    "office:evidence:lift": Shape(
        {
            "digest": TEXT,
            "authority": TEXT,
            "reference": TEXT,
            "until": TEXT.or_nothing(),
            "why": TEXT,
        }
    ),
    "office:evidence:redact": Shape(
        {
            "digest": TEXT,
            "copy": TEXT.or_nothing(),
            "records": COUNT,
            "lines": COUNT,
            "is_cut_short": FLAG,
            "why": TEXT,
        },
        summed=("records",),
    ),
    "office:log:alarm": Shape({"said": TEXT, "day": TEXT}),
    "office:log:retire": Shape({"size": COUNT, "keys": TEXTS}),
    "office:log:rotate": Shape({"size": COUNT, "keys": TEXTS}),
    "office:log:skip": Shape({"known": COUNT, "shown": COUNT}),
    "office:mandate:end": Shape({"person": TEXT, "party": TEXT}),
    "office:mandate:grant": Shape(
        {"person": TEXT, "party": TEXT, "competences": TEXTS, "until": TEXT.or_nothing()}
    ),
    "office:parties:import": Shape(
        {
            "digest": TEXT,
            "created": TEXTS,
            "changed": TEXTS,
            "unchanged": COUNT,
            "retired": TEXTS,
        }
    ),
    "office:party:add": Shape({"party": TEXT}),
    "office:party:change": Shape({"party": TEXT, "changed": TEXTS}),
    "office:party:restore": Shape({"party": TEXT}),
    "office:party:retire": Shape({"party": TEXT}),
    "office:party:run_node": Shape({"party": TEXT}),
    "office:period:close": Shape(
        {
            "period": TEXT,
            "since": TEXT,
            "until": TEXT,
            "rows": COUNT,
            "actions": TREE,
            "late": TREE,
        }
    ),
    "office:person:add": Shape({}),
    "office:person:close": Shape({}),
    "office:person:set_password": Shape({}),
    "office:quarantine:consult": _CONSULTED,
    "office:receipt:add": Shape({"kind": TEXT, "by": TEXT, "party": TEXT}, counted=("kind",)),
    "office:register:consult": _CONSULTED,
    "office:retention:run": Shape({"places": TREE}),
    "office:run:fail": Shape({"files": COUNT, "begun": TEXT}, summed=("files",)),
    "office:subject:erase": Shape(
        {
            "kind": TEXT,
            "values_hmac": TEXTS,
            "why": TEXT,
            "places": TREE,
            "held": TEXTS,
            "unsearched": COUNT,
            "recipients": TEXTS,
        },
        counted=("kind",),
    ),
    "office:subject:export": Shape(
        {"kind": TEXT, "values_hmac": TEXTS, "why": TEXT, "places": TREE, "unsearched": COUNT}
    ),
    "office:token:end": Shape({"party": TEXT}),
    "office:token:make": Shape({"party": TEXT, "scopes": TEXTS, "expires": TEXT}),
    "office:webhook_secret:make": Shape({"party": TEXT}),
    "office:webhook_secret:renew": Shape({"party": TEXT}),
    "office:webhook_secret:retire": Shape({"party": TEXT}),
}


@cache
def shapes() -> Mapping[str, Shape]:
    """Action to shape, those of the desks among them (`register_shapes` in their `apps.py`)."""
    found = dict(OFFICE)
    for config in apps.get_app_configs():
        found |= getattr(config, "register_shapes", {})
    return found


def shape_of(action: str) -> Shape:
    """The shape of an action; raises `Unusable` for one that has none."""
    if action not in shapes():
        raise Unusable(
            f"register: no shape says which facts {action!r} states. Possible: "
            f"{', '.join(sorted(shapes()))}; or a line in office/shapes.py or in the "
            "desk's apps.py"
        )
    return shapes()[action]
