"""Rows that are written in Python escape what somebody wrote as a template would."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tocsin.desks.response.models import Case
from tocsin.desks.response.views.rows import case_rows
from tocsin.office.templatetags.rows import facet_options, field_rows

HOSTILE = """<script>alert("1")</script>'&"""
ESCAPED = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#x27;&amp;"
UID = UUID("11111111-2222-4333-8444-555555555555")


def case(word: str, **more: Any) -> Case:
    same = {
        "pk": 7, "uid": UID, "reference": word, "about": word, "family": word, "kind": word,
        "party": SimpleNamespace(name=word), "events": 1200, "state": word,
        "seen_at": datetime(2026, 11, 23, 9, 0, tzinfo=UTC), "assigned": SimpleNamespace(name=word),
    }  # fmt: skip
    return cast(Case, SimpleNamespace(**{**same, **more}))


def test_a_row_says_all_that_its_heads_name() -> None:
    plain = case("told", reference="AAAA", about="192.0.2.0/24", family="", kind="phishing")

    assert case_rows([plain], {7: ["urgent"]}, tick=True) == (
        '<tr><td class="is-check"><input class="tocsin-check" type="checkbox" name="case"'
        f' value="{UID.hex}" aria-label="AAAA"></td><th scope="row" class="is-moment">'
        f'<a class="govuk-link" href="/response/cases/{UID}">AAAA</a></th><td>192.0.2.0/24</td>'
        '<td class="is-name">phishing</td><td>told</td><td class="is-number">1,200</td>'
        '<td class="is-moment">2026-11-23 09:00</td>'
        '<td><span class="tocsin-state tocsin-state--wait">told</span></td>'
        '<td>told <span class="tocsin-tag">urgent</span></td></tr>'
    )
    short = case_rows([plain, plain], party=False)
    assert short.count("<tr>") == 2
    assert short.count("<td>told</td>") == short.count("checkbox") == 0


def test_what_somebody_wrote_stays_text() -> None:
    written = (
        case_rows([case(HOSTILE)], {7: [HOSTILE]}, tick=True)
        + facet_options({HOSTILE: 3}, {HOSTILE})
        + field_rows([{HOSTILE: HOSTILE}])
    )
    assert HOSTILE not in written
    assert "<script" not in written
    assert written.count(ESCAPED) >= 10


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=9)))
def test_a_field_without_a_value_anywhere_has_no_row(row: dict[str, Any]) -> None:
    filled = [name for name, value in row.items() if value is not None]
    assert field_rows([row]).count("<tr>") == len(filled)


def test_what_is_chosen_is_marked() -> None:
    assert facet_options({"told": 2, "cured": 1}, {"cured"}) == (
        '<option value="told">told (2)</option><option value="cured" selected>cured (1)</option>'
    )
