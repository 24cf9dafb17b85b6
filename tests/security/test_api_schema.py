"""Calls made from the API's own description: none ends with a slip of ours, all answer as said."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from tests.security.town import MINE, Town

EXAMPLES = 12  # of each call, valid and broken ones; more make the suite slower and found nothing
CHECKS = [not_a_server_error, content_type_conformance, status_code_conformance]


@pytest.fixture
def one_transaction(full: Town) -> Iterator[None]:
    """A server closes its connections after each request; this database is the test's own."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@schemathesis.serializer("application/partial-upload")
def _bytes(_context: Any, value: Any) -> bytes:
    """Parts of an upload are bytes as they are."""
    return value if isinstance(value, bytes) else str(value).encode()


def _closing(environ: Any, start_response: Any) -> list[bytes]:
    """The node as a server runs it: each answer is closed when it was sent."""
    answer = _HANDLER(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()


_HANDLER = WSGIHandler()


def _calls(schema: Any) -> list[Any]:
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.usefixtures("one_transaction")
def test_no_call_that_the_description_allows_or_breaks_is_a_slip_of_ours(full: Town):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", _closing)
    made: list[tuple[str, int]] = []
    for call in _calls(schema):
        for token in (full.tokens[MINE], full.tokens["desk"]):
            for mode in GenerationMode:
                _ask(call.as_strategy(generation_mode=mode), token, made)

    assert len(_calls(schema)) > 20
    assert len({label for label, _ in made}) == len(_calls(schema))
    assert len({status for _, status in made}) > 4


def _ask(cases: Any, token: str, made: list[tuple[str, int]]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        made.append((case.operation.label, response.status_code))
        case.validate_response(response, checks=CHECKS)

    ask()
