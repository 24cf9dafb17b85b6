"""An address that is put together is the one that Django would have given."""

from uuid import UUID, uuid4

import pytest
from django.urls import NoReverseMatch, reverse, set_script_prefix

from tocsin.office.ways import way


@pytest.mark.parametrize("uid", [UUID(int=0), UUID(int=2**128 - 1), uuid4()])
def test_a_way_is_what_reverse_gives(uid: UUID) -> None:
    for route in ("response:case", "response:case_step", "response:delivery", "response:report"):
        assert way(route, uid) == reverse(route, args=[uid])


def test_below_another_prefix_it_begins_with_that() -> None:
    uid = uuid4()
    set_script_prefix("/node/")
    try:
        assert way("response:case", uid) == f"/node/response/cases/{uid}"
    finally:
        set_script_prefix("/")
    assert way("response:case", uid) == f"/response/cases/{uid}"


def test_a_route_that_there_is_not_is_none() -> None:
    with pytest.raises(NoReverseMatch):
        way("response:nowhere", uuid4())
