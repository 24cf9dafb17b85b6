"""The pages about people: colleagues invited, mandates ended, tokens made; nobody beyond that."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.node.browsing import (
    PASSWORD,
    browser,
    link_in,
    mandated,
    party,
    person,
    posted,
    signed_in,
)
from tocsin.office.models import Party, RegisterRow
from tocsin.office.people import actions
from tocsin.office.people.models import Invitation, Mandate, Person, SharingGroup, Token
from tocsin.office.people.queries import members_of
from tocsin.office.people.viewer import NOBODY, viewer_of, viewer_of_token

pytestmark = pytest.mark.usefixtures("pages")
ADA, BO, EVE = "ada@meadow-net.example", "bo@meadow-net.example", "eve@brook-telecom.example"
INVITE = {"email": BO, "name": "Bo", "language": "en", "competences": ["response.answer"]}
NEW = {"name": "Bo", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def ada(pages):
    """The administrator of Meadow Net, in a browser."""
    mandated(ADA, party(), "party.administer", "response.answer")
    posted()
    return signed_in(person(ADA))


def invited(client, **words):
    """Invite somebody; what the page says and the link, where one went out."""
    answer = client.post("/people/of/meadow-net/invite/", {**INVITE, **words})
    sent = [message for message in posted() if "invites you" in message.subject]
    return answer, link_in(sent[0]) if sent else ""


def problems(answer):
    """What the summary of errors says."""
    text = answer.content.decode()
    return re.findall(
        r"<li>(?:<a[^>]+>)?([^<]+)", text.partition("summary__list")[2].partition("</ul>")[0]
    )


# ── invitations ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("spoken", "offered"), [("fr", "fr"), ("fr-BE", "fr"), ("mt", "en")])
def test_an_invitation_is_in_the_language_of_the_party_or_else_of_whoever_invites(
    ada, spoken, offered
):
    Party.objects.filter(slug="meadow-net").update(language=spoken)
    page = ada.get("/people/of/meadow-net/invite/").content.decode()

    assert re.findall(r'<option value="(\w+)" selected', page) == [offered]


def test_a_colleague_is_invited_sets_a_password_and_has_the_mandate(ada):
    _, link = invited(ada)
    client = browser()
    page = client.get(link).content.decode()
    done = client.post(link, NEW)

    assert "Meadow-Net invites you" in page
    assert done.headers["Location"] == "/people/invitation/accepted/"
    (mandate,) = Mandate.objects.filter(person__email=BO)
    assert (mandate.competences, mandate.party.slug) == (["response.answer"], "meadow-net")
    assert mandate.granted_by == person(ADA).actor
    assert person(BO).check_password(PASSWORD)
    assert [message.subject for message in posted()] == ["You have a mandate for Meadow-Net"]
    said = ["send", "accept"]
    rows = RegisterRow.objects.filter(action__startswith="office:invitation:")
    assert [row.action.rpartition(":")[2] for row in rows] == said


def test_a_link_works_once(ada):
    _, link = invited(ada)
    answers = [browser().post(link, NEW).status_code for _ in range(2)]

    assert answers == [302, 404]
    assert Mandate.objects.filter(person__email=BO).count() == 1


def test_looking_at_the_link_uses_nothing_up(ada):
    _, link = invited(ada)
    answers = [browser().get(link).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize("change", ["expires_at", "withdrawn_at"])
def test_a_link_that_ran_out_or_was_withdrawn_says_the_same_as_one_that_never_was(ada, change):
    _, link = invited(ada)
    Invitation.objects.update(**{change: datetime.now(UTC) - timedelta(seconds=1)})
    gone, never = browser().get(link), browser().get("/people/invitation/never/")

    assert (gone.status_code, never.status_code) == (404, 404)
    strip = re.compile(rb'(value|nonce)="[^"]+"|/people/invitation/[\w-]+/')
    assert strip.sub(b"", gone.content) == strip.sub(b"", never.content)


def test_the_link_is_in_the_mail_and_nowhere_in_the_database(ada):
    _, link = invited(ada)
    secret = link.rstrip("/").rpartition("/")[2]

    assert len(secret) == 43
    assert secret not in repr(list(Invitation.objects.values()))
    assert secret not in repr(list(RegisterRow.objects.values("facts")))


def test_another_invitation_takes_the_place_of_the_one_before(ada):
    _, first = invited(ada)
    _, second = invited(ada)

    assert browser().get(first).status_code == 404
    assert browser().get(second).status_code == 200


def test_an_account_that_is_there_is_never_given_a_password_by_a_link(ada):
    somebody = person(BO, password="what only bo knows, really")
    _, link = invited(ada)
    answer = browser().post(link, NEW)

    assert answer.status_code == 422
    assert person(BO).password == somebody.password
    assert Mandate.objects.filter(person=somebody).count() == 0
    client = signed_in_with(BO, "what only bo knows, really")
    assert client.post(link).status_code == 302
    assert Mandate.objects.filter(person=somebody).count() == 1


def signed_in_with(email, password):
    """Signed in with a password of their own."""
    somebody = person(email)
    somebody.set_password(PASSWORD)
    somebody.save()
    assert password
    return signed_in(somebody)


def test_an_invitation_is_for_one_address_alone(ada):
    mandated(EVE, party("brook-telecom"), "response.answer")
    _, link = invited(ada)
    answer = signed_in(person(EVE)).post(link)

    assert answer.status_code == 422
    assert Mandate.objects.filter(party__slug="meadow-net", person__email=EVE).count() == 0


def test_what_somebody_offered_dies_with_their_mandate(ada):
    _, link = invited(ada)
    mandate = Mandate.objects.get(person__email=ADA)
    actions.end_mandate(mandate, by="operator", at=datetime.now(UTC))

    assert browser().post(link, NEW).status_code == 404
    assert not Person.objects.filter(email=BO).exists()


def test_what_somebody_offered_dies_when_their_mandate_runs_out(ada):
    _, link = invited(ada)
    Mandate.objects.filter(person__email=ADA).update(until=datetime.now(UTC))

    assert browser().post(link, NEW).status_code == 422
    assert not Person.objects.filter(email=BO).exists()


def test_nobody_gives_more_than_they_hold_or_the_role_carries(ada):
    for word in ("response.handle", "shield.review", "node.record", "oversee", "root"):
        answer, link = invited(ada, competences=[word])
        assert (answer.status_code, link) == (422, "")
    assert Invitation.objects.count() == 0


def test_the_action_refuses_what_the_page_does_not_offer(ada):
    viewer = viewer_of(person(ADA), at=datetime.now(UTC))
    csirt = party("csirt-be", role="csirt")
    for target, word in ((party(), "nis2.notify"), (csirt, "response.answer")):
        with pytest.raises(actions.invitations.Refused):
            actions.invite(
                target,
                email=BO,
                name="Bo",
                language="en",
                competences=[word],
                until=None,
                viewer=viewer,
                at=datetime.now(UTC),
                link=str,
            )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"email": "no address"}, "Mail address: Enter a valid email address."),
        ({"name": ""}, "Name, as others see it: This field is required."),
        ({"competences": []}, "What they may do: This field is required."),
        ({"until": "2020-01-01"}, "a mandate ends after today. Possible: a later day, or none"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_sent(ada, words, said):
    answer, link = invited(ada, **words)

    assert (answer.status_code, problems(answer), link) == (422, [said], "")


def test_a_party_sends_fifty_invitations_a_day_at_most(ada):
    for number in range(50):
        invited(ada, email=f"p{number}@meadow-net.example")
    answer, link = invited(ada)

    assert (answer.status_code, link) == (422, "")


def test_a_line_break_in_a_name_makes_no_line_in_a_mail(ada):
    answer, _ = invited(ada, name="Bo\nReply to eve@x.example")

    assert answer.status_code == 422


# ── another's people ─────────────────────────────────────────────────────────────────────


def test_another_partys_people_are_not_there_at_all(ada):
    mandate = mandated(EVE, party("brook-telecom"), "response.answer")
    token, _ = token_of(mandate)
    paths = [
        "/people/of/brook-telecom/",
        "/people/of/brook-telecom/invite/",
        f"/people/mandates/{mandate.uid}/end/",
        f"/people/tokens/new/{mandate.uid}/",
    ]
    unknown = ["/people/of/nobody/", f"/people/mandates/{uuid4()}/end/"]

    assert [ada.get(path).status_code for path in paths + unknown] == [404] * 6
    assert [ada.post(path).status_code for path in paths[1:]] == [404] * 3
    assert ada.post(f"/people/tokens/{token.uid}/end/").status_code == 404
    mandate.refresh_from_db()
    token.refresh_from_db()
    assert (mandate.ended_at, token.ended_at) == (None, None)


def test_the_list_is_the_same_with_and_without_another_partys_people(ada):
    def page():
        return re.sub(rb'(value|nonce)="[^"]+"', b"", ada.get("/people/").content)

    before = page()
    mandated(EVE, party("brook-telecom"), "response.answer")

    assert page() == before


def test_whoever_administers_nothing_is_refused(pages):
    mandated(BO, party(), "response.answer")

    assert signed_in(person(BO)).get("/people/").status_code == 403


# ── ending ───────────────────────────────────────────────────────────────────────────────


def test_an_ended_mandate_is_shut_now_with_its_tokens_and_sessions_and_they_are_told(ada):
    mandate = mandated(BO, party(), "response.answer")
    _, text = token_of(mandate)
    theirs = signed_in(person(BO))
    posted()
    ada.post(f"/people/mandates/{mandate.uid}/end/")

    at = datetime.now(UTC)
    assert viewer_of(person(BO), at=at).is_known is False
    assert viewer_of_token(actions.digest_of(text), at=at) == NOBODY
    assert "Sign out" not in theirs.get("/").content.decode()
    assert [(one.to, one.subject) for one in posted()] == [
        ([BO], "Your mandate for Meadow-Net ended")
    ]


def test_getting_the_page_ends_nothing(ada):
    mandate = mandated(BO, party(), "response.answer")
    page = ada.get(f"/people/mandates/{mandate.uid}/end/")
    mandate.refresh_from_db()

    assert (page.status_code, mandate.ended_at) == (200, None)


def test_nobody_touches_somebody_who_may_do_more(pages):
    csirt = party("csirt-be", role="csirt")
    mandated(ADA, csirt, "party.administer")
    strong = mandated(BO, csirt, "response.handle")
    weak = mandated(BO, csirt, "response.answer")
    ada = signed_in(person(ADA))
    for mandate in (strong, weak):
        said = ada.post(f"/people/mandates/{mandate.uid}/end/", follow=True).content.decode()
        assert "response.handle is more than you may do" in said
        mandate.refresh_from_db()
        assert mandate.ended_at is None


def test_the_last_administrator_stays_until_there_is_a_successor(ada):
    own = Mandate.objects.get(person__email=ADA)
    said = ada.post(f"/people/mandates/{own.uid}/end/", follow=True).content.decode()
    own.refresh_from_db()
    assert "nobody left who administers it" in said
    assert own.ended_at is None

    mandated(BO, party(), "party.administer")
    ada.post(f"/people/mandates/{own.uid}/end/")
    own.refresh_from_db()
    assert own.ended_at is not None


def test_a_successor_who_cannot_sign_in_is_none(ada):
    other = mandated(BO, party(), "party.administer")
    Person.objects.filter(pk=other.person_id).update(is_active=False)
    own = Mandate.objects.get(person__email=ADA)
    ada.post(f"/people/mandates/{own.uid}/end/")
    own.refresh_from_db()

    assert own.ended_at is None


# ── tokens ───────────────────────────────────────────────────────────────────────────────


def token_of(mandate, *scopes):
    """A token for a month."""
    at = datetime.now(UTC)
    wanted = scopes or ("response:case:answer",)
    return actions.make_token(
        mandate, name="x", scopes=wanted, expires_at=at + timedelta(days=30), by="test", at=at
    )


def make(client, mandate, **words):
    """Ask for a token by the page."""
    day = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    typed = {"name": "siem", "scopes": ["response:case:answer"], "expires": day, **words}
    return client.post(f"/people/tokens/new/{mandate.uid}/", typed)


def test_a_token_is_shown_once_and_kept_as_a_digest(ada):
    mandate = Mandate.objects.get(person__email=ADA)
    page = make(ada, mandate).content.decode()
    (text,) = re.findall(r'class="tocsin-secret">([^<]+)<', page)

    assert re.fullmatch(r"tocsin_[\w-]{43}", text)
    assert text not in ada.get("/people/tokens/").content.decode()
    assert text not in repr(list(Token.objects.values()))
    viewer = viewer_of_token(actions.digest_of(text), at=datetime.now(UTC))
    assert viewer.may("response:case:answer", mandate.party)
    assert not viewer.may("response:case:read_own", mandate.party)


def test_a_token_never_invites_changes_keys_or_makes_tokens(ada):
    mandate = Mandate.objects.get(person__email=ADA)
    for scope in ("office:person:invite", "office:token:make", "office:party:change_own"):
        answer = make(ada, mandate, scopes=[scope])
        assert answer.status_code == 422
        with pytest.raises(actions.tokens.Refused):
            token_of(mandate, scope)
    assert Token.objects.count() == 0


@pytest.mark.parametrize("days", [0, -1, 400])
def test_a_token_runs_out_within_a_year(ada, days):
    day = f"{datetime.now(UTC) + timedelta(days=days or -1):%Y-%m-%d}"

    assert make(ada, Mandate.objects.get(), expires=day).status_code == 422


@pytest.mark.parametrize("text", ["", "tocsin_", "None", "tocsin_" + "x" * 43, "\0", "é" * 500])
def test_what_is_no_token_is_nobody(ada, text):
    assert viewer_of_token(actions.digest_of(text), at=datetime.now(UTC)) == NOBODY


def test_an_administrator_ends_a_colleagues_token(ada):
    token, text = token_of(mandated(BO, party(), "response.answer"))
    ada.post(f"/people/tokens/{token.uid}/end/")

    assert viewer_of_token(actions.digest_of(text), at=datetime.now(UTC)) == NOBODY
    assert "An API token of yours ended" in [message.subject for message in posted()]


# ── sharing groups ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def desk(pages):
    """Somebody of the party that runs this node."""
    mandated("dora@csirt-be.example", party("csirt-be", "csirt", runs_node=True), "response.handle")
    return signed_in(person("dora@csirt-be.example"))


def test_a_group_shares_with_its_members_and_an_empty_or_unknown_one_with_nobody(desk):
    desk.post("/people/groups/", {"name": "quillworm", "purpose": "operation 7, agreement 2"})
    group = SharingGroup.objects.get()
    assert members_of(group.uid) == members_of(uuid4()) == members_of(None) == frozenset()

    meadow = party()
    desk.post(f"/people/groups/{group.uid}/", {"act": "add", "party": "meadow-net"})
    assert members_of(group.uid) == {meadow.pk}

    type(meadow).objects.update(active=False)
    assert members_of(group.uid) == frozenset()
    type(meadow).objects.update(active=True)
    desk.post(f"/people/groups/{group.uid}/", {"act": "end"})
    assert members_of(group.uid) == frozenset()
    said = [row.action for row in RegisterRow.objects.filter(action__contains="sharing_group")]
    assert said == [f"office:sharing_group:{verb}" for verb in ("make", "add", "end")]


def test_a_party_in_a_group_does_not_learn_who_else_is_in_it(desk, ada):
    desk.post("/people/groups/", {"name": "quillworm", "purpose": "operation 7"})

    assert ada.get("/people/groups/").status_code == 403
    assert ada.get(f"/people/groups/{SharingGroup.objects.get().uid}/").status_code == 403


@pytest.fixture
def two_languages(settings):
    """What the menu offers, whatever is complete today."""
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]


def test_a_person_changes_their_own_name_and_language(ada, two_languages):
    answer = ada.post("/people/me/", {"name": "Ada L.", "language": "de"})

    (row,) = RegisterRow.objects.filter(action="office:person:change")
    found = person(ADA)
    assert (found.name, found.language, found.email) == ("Ada L.", "de", ADA)
    assert (row.actor, row.subject, row.facts) == (
        found.actor,
        found.uid,
        {"changed": ["name", "language"]},
    )
    assert answer.cookies["django_language"].value == "de"
    ada.post("/people/me/", {"name": "Ada L.", "language": "de"})
    assert RegisterRow.objects.filter(action="office:person:change").count() == 1


@pytest.mark.parametrize(
    "words",
    [{"name": ""}, {"name": "x" * 201}, {"name": "a\u202eb"}, {"language": "tlh"}],
)
def test_a_name_or_language_that_cannot_be_changes_nothing(ada, two_languages, words):
    before = person(ADA)
    answer = ada.post("/people/me/", {"name": "Ada", "language": "de", **words})

    assert (answer.status_code, len(problems(answer))) == (422, 1)
    assert (person(ADA).name, person(ADA).language) == (before.name, before.language)


def test_whoever_looks_at_the_people_of_a_party_is_in_the_register_once_a_view(ada):
    for number in range(3):
        mandated(f"p{number}@meadow-net.example", party(), "response.answer")
    ada.get("/people/")
    ada.get("/people/of/meadow-net/?page=1")
    ada.get("/people/of/brook-telecom/")  # not theirs: nothing is shown

    rows = RegisterRow.objects.filter(action="office:person:consult").order_by("at")
    facts = {
        "why": "administers the people of its party",
        "what": "people of meadow-net, page 1",
        "shown": 4,
    }
    assert [(row.actor, row.subject, row.facts) for row in rows] == [
        (person(ADA).actor, party().uid, facts)
    ] * 2


def test_lists_ask_the_database_as_often_for_one_as_for_many(ada, django_assert_num_queries):
    for number in range(30):
        mandated(f"p{number}@meadow-net.example", party(), "response.answer")
    ada.get("/people/")
    with django_assert_num_queries(11):  # three of them write down who looked
        ada.get("/people/")
