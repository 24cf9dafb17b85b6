"""What is sent to each route that writes, in words that it takes; one without is no test of it.

A body is made of the objects of a side, so that it can name those of another, and of nobody.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

Objects = Mapping[str, str]
Body = Callable[[Objects], dict[str, Any]]

_SENDER = {"org": "X", "contact": "x@nowhere.example", "domain": "nowhere.example"}
XARF = {
    "xarf_version": "4.2.0",
    "report_id": "00000000-0000-4000-8000-000000000031",
    "timestamp": "2026-11-23T09:00:00Z",
    "reporter": _SENDER,
    "sender": _SENDER,
    "source_identifier": "x.example",
    "category": "content",
    "type": "phishing",
    "url": "https://x.example/",
}
_NOTE, _LONG = "we looked", "seven herons at noon"


def _plain(**words: Any) -> Body:
    return lambda _objects: words


def _naming(make: Body) -> Body:
    """A body that names things itself."""
    make.names = True  # type: ignore[attr-defined]
    return make


_MANY = ("acknowledge", "act", "cure", "disown", "dispute", "close", "take", "tag")


def _ticked(do: str) -> Body:
    return _naming(lambda named: {"case": named["case"], "do": do, "note": _NOTE, "tag": "x"})


PAGES: dict[str, tuple[Body, ...]] = {
    "set_language": (_plain(language="fr", next="/"),),
    "people:invite": (
        _plain(email="x@nowhere.example", name="X", language="en", competences="party.administer"),
    ),
    "people:withdraw": (_plain(),),
    "people:end_mandate": (_plain(),),
    "people:me": (_plain(name="Taken", language="en"),),
    "people:make_token": (_plain(name="x", scopes="response:case:read_own", expires="2027-01-01"),),
    "people:end_token": (_plain(),),
    "people:accept": (_plain(name="X", password=_LONG, again=_LONG),),
    "people:groups": (_plain(name="A group", purpose="x"),),
    "people:group": (
        _naming(lambda named: {"act": "add", "party": named["party"]}),
        _naming(lambda named: {"act": "remove", "party": named["party"]}),
        _plain(act="end"),
    ),
    "parties:add": (
        _plain(slug="new-net", name="N", role="isp", country="BE", format="idf-csv",
               channel="folder", interval="each", language="en", address=""),
    ),
    "parties:about": (_plain(name="Taken", role="isp", country="FR"),),
    "parties:agreement": (
        _plain(relation="network", classes="*", reference="x", basis="x", since="2026-01-01"),
    ),
    "parties:end_agreement": (_plain(relation="network", reference="x", since="2026-01-01"),),
    "parties:contact": (_plain(kind="email", value="x@nowhere.example", purpose="abuse"),),
    "parties:remove_contact": (
        _naming(lambda named: {
            "kind": "email", "purpose": "abuse",
            "value": f"{named['party'].partition('-')[0]}@{named['party']}.example",
        }),
    ),
    "parties:delivery": (
        _plain(channel="folder", format="idf-json", interval="each", language="en", address=""),
    ),
    "parties:key": (_plain(key=""),),
    "parties:remit": (_plain(kind="domain", value="nowhere.example", relation="domain"),),
    "parties:remove_remit": (_plain(relation="network", kind="prefix", value="192.0.2.7/32"),),
    "parties:secret": (_plain(act="make"), _plain(act="retire")),
    "parties:state": (_plain(act="retire"), _plain(act="restore")),
    "parties:take_over": (_plain(slug="taken-net"),),
    "response:many_cases": (
        *(_ticked(do) for do in _MANY),
        _naming(lambda named: {"case": [named["case"], named["case"]], "do": "merge"}),
    ),
    "response:save_filter": (
        _plain(name="mine"),
        _naming(lambda named: {"drop": named["filter"]}),
    ),
    "response:case_step": tuple(
        _plain(step=step, note=_NOTE)
        for step in ("acknowledge", "act", "cure", "disown", "dispute", "uphold", "close")
    ),
    "response:case_events": (_plain(why="a test of ours", page="1"),),
    "response:case_pdf": (_plain(why="a test of ours"),),
    "response:case_split": (_plain(within="192.0.2.0/24", note=_NOTE),),
    "response:case_give_over": (_naming(lambda named: {"to": named["party"], "note": _NOTE}),),
    "response:case_comment": (_plain(text="x"), _plain(text="x", audience="desk")),
    "response:case_assign": (_naming(lambda named: {"person": named["person"]}),),
    "response:case_tag": (_plain(name="x"), _plain(untag="meadow")),
    "response:answer_reporter": (_plain(text="x"),),
    "response:add_report": (_plain(tlp="TLP:AMBER", purpose="route"),),
    "response:delivery_file": (_plain(why="a test of ours"),),
    "response:begin_notification": (
        _naming(lambda named: {
            "party": named["party"], "lifecycle": "incident", "subject": "x",
            "aware_at": "2026-11-23T09:00",
        }),
        _naming(lambda named: {
            "party": "meadow-net", "lifecycle": "voluntary", "subject": "x",
            "aware_at": "2026-11-23T09:00", "case": named["case"],
        }),
    ),
    "response:notification_step": tuple(
        _plain(step=step, text="x") for step in ("notify", "progress", "report", "close", "receive")
    ),
    "shield:report": (_plain(text="https://x.example/"), _plain(text="")),
    "shield:find": (_plain(reference="AAAA-BBBB-CCCC"),),
    "shield:appeal": (_plain(about="nowhere.example", text="x"),),
    "shield:group_approve": (_plain(url="https://y.example/", reason="x", basis="x"),),
    "shield:group_fetch": (_plain(),),
    "shield:group_reject": (_plain(**{"reject-text": "x"}),),
    "shield:recheck": (_plain(found="gone", text="x"), _plain(found="cleaned", text="x")),
    "shield:listing_step": tuple(
        _plain(step=step, text="x")
        for step in ("confirm", "override", "reject", "renew", "decline", "withdraw")
    ),
    "shield:appeal_step": tuple(
        _plain(step=step, text="x") for step in ("take", "release", "uphold", "dismiss")
    ),
    "shield:names": (_plain(kind="top_site", values="x.example"),),
    "shield:name_forget": (_plain(),),
    "subscribers:check": (
        _plain(code="AAAA-BBBB-CCCC"),
        _plain(code="AAAA-BBBB-CCCC", done="1"),
    ),
    "response:records": (_plain(why="a test of ours"),),
}  # fmt: skip

CALLS: dict[tuple[str, str], tuple[Body, ...]] = {
    ("POST", "reports"): (_plain(),),
    ("POST", "uploads"): (_plain(),),
    ("PATCH", "uploads/<uid>"): (_plain(),),
    ("DELETE", "uploads/<uid>"): (_plain(),),
    ("POST", "deliveries/<uid>/receipts"): (_plain(kind="received"), _plain(kind="acted")),
    ("POST", "cases/<uid>/answers"): (_plain(step="acknowledge"), _plain(step="disown")),
    ("POST", "cases/<uid>/comments"): (_plain(text="x"),),
    ("PUT", "cases/<uid>/assignment"): (
        _naming(lambda named: {"person": named["person"]}),
        _plain(person=None),
    ),
    ("POST", "cases/<uid>/closing"): (_plain(note="x"),),
    ("POST", "reports/<uid>/answers"): (_plain(text="x"),),
    ("POST", "notifications"): (
        _naming(
            lambda named: {
                "party": named["party"],
                "lifecycle": "incident",
                "subject": "x",
                "aware_at": "2026-11-23T09:00:00Z",
            }
        ),
        _naming(
            lambda named: {
                "party": "meadow-net",
                "lifecycle": "voluntary",
                "subject": "x",
                "aware_at": "2026-11-23T09:00:00Z",
                "case": named["case"],
            }
        ),
    ),
    ("POST", "notifications/<uid>/steps"): (_plain(step="notify", text="x"),),
    ("POST", "shield/messages"): (_plain(text="https://x.example/"),),
    ("POST", "shield/reports"): (_plain(**XARF),),
    ("POST", "shield/listings"): (_plain(url="https://z.example/", reason="x", legal_basis="x"),),
    ("PUT", "cases/<uid>/tags/<name>"): (_plain(),),
    ("DELETE", "cases/<uid>/tags/<name>"): (_plain(),),
}
READS = ("GET", "HEAD", "OPTIONS")


def sent(body: Mapping[str, Any]) -> dict[str, Any]:
    """The words of a call: JSON, or bytes where it takes a file."""
    if body:
        return {"body": json.dumps(body), "content_type": "application/json"}
    return {"body": b"x"}
