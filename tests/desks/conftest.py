"""What the desks' tests share: the sample parties, and a route with everything named."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tocsin.desks.response.actions import Options, Outcome, route_reports
from tocsin.node.samples import samples_folder
from tocsin.node.store import Store
from tocsin.office.parties import import_parties

SAMPLES = samples_folder()
OVERLAY = SAMPLES / "networks.csv"

Route = Callable[..., Outcome]


@pytest.fixture
def parties(db: None, at: datetime) -> None:
    """The sample parties are on file."""
    import_parties((SAMPLES / "parties.toml").read_text("utf-8"), by="test", at=at)


@pytest.fixture
def route(store: Store, at: datetime) -> Route:
    """`route(*paths, at=…, **options)`: one run into the store of the test."""

    def run(*paths: Path, at: datetime = at, progress: object = None, **options: object) -> Outcome:
        words = {} if progress is None else {"progress": progress}
        return route_reports(
            paths,
            store_folder=store.path,
            options=Options(**{"overlay": OVERLAY, **options}),
            by="test",
            at=at,
            **words,
        )

    return run
