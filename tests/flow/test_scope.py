"""How wide a listing is: never so wide that it takes somebody innocent with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.domains import registrable_domain, suffix_below
from tocsin.flow.scope import Choice, Lists, Seen, cautions_of, choose_scope, narrowed
from tocsin.flow.urls import read_url
from tocsin.rules.listing import Caution, Scope
from tocsin.words.errors import Refused

FIXED = settings(max_examples=300, deadline=None, derandomize=True)
LISTS = Lists(
    shared_hosting=frozenset({"pages.example", "drive.cloud.example"}),
    shorteners=frozenset({"sho.example"}),
    cautions={
        Caution.ALWAYS_PASSES: frozenset({"112.example"}),
        Caution.ESSENTIAL: frozenset({"hospital.example"}),
        Caution.GOVERNMENT: frozenset({"gov.example"}),
        Caution.TOP_SITE: frozenset({"video.example", "pages.example"}),
        Caution.BRAND_OWN: frozenset({"www.bank.example"}),
    },
)


def seen(url: str, *, is_fraud: bool) -> Seen:
    return Seen(read_url(url), is_fraud=is_fraud)


@pytest.mark.parametrize(
    ("url", "scope", "value", "because"),
    [
        (
            "https://WWW.evil.co.uk/login",
            Scope.DOMAIN,
            "evil.co.uk",
            "www.evil.co.uk is the site of evil.co.uk itself",
        ),
        (
            "http://bank.login.evil.example:8080/",
            Scope.HOST,
            "bank.login.evil.example",
            "of evil.example only bank.login.evil.example is known for fraud",
        ),
        (
            "https://x.pages.example/ada",
            Scope.URL,
            "https://x.pages.example/ada",
            "pages.example hosts pages of everybody",
        ),
        (
            "https://u:p@sho.example/abc#x",
            Scope.URL,
            "https://sho.example/abc",
            "sho.example shortens links of everybody",
        ),
        (
            "http://3221225985/bank",
            Scope.URL,
            "http://192.0.2.1/bank",
            "192.0.2.1 is an address without a name",
        ),
        (
            "http://co.uk/",
            Scope.URL,
            "http://co.uk/",
            "co.uk is a public suffix: anybody may have a name under it",
        ),
        (
            "http://localhost/",
            Scope.URL,
            "http://localhost/",
            "localhost is a public suffix: anybody may have a name under it",
        ),
        (
            "https://www.cloud.example/x",
            Scope.HOST,
            "www.cloud.example",
            "drive.cloud.example, which everybody uses, is under cloud.example",
        ),
        (
            "https://amazonaws.com/x",
            Scope.URL,
            "https://amazonaws.com/x",
            "anybody may have a name under {suffix}, which is under amazonaws.com",
        ),
        (
            "https://bücher.example./",
            Scope.DOMAIN,
            "xn--bcher-kva.example",
            "xn--bcher-kva.example is the site of xn--bcher-kva.example itself",
        ),
    ],
)
def test_the_scope_follows_what_else_stands_there(
    url: str, scope: Scope, value: str, because: str
) -> None:
    found = choose_scope(url, lists=LISTS)

    assert (found.scope, found.value) == (scope, value)
    assert found.because == because.format(suffix=suffix_below(value.split("/")[-2:][0]))


def test_a_neighbour_on_the_same_host_leaves_one_address() -> None:
    neighbour = seen("https://club.example/news", is_fraud=False)

    assert choose_scope("https://club.example/x/bank", lists=LISTS, others=[neighbour]) == Choice(
        Scope.URL,
        "https://club.example/x/bank",
        "club.example also serves https://club.example/news, which nobody reported",
        {},
        is_final=False,
    )


def test_a_neighbour_under_the_same_domain_leaves_the_host() -> None:
    found = choose_scope(
        "https://www.club.example/",
        lists=LISTS,
        others=[seen("https://shop.club.example/", is_fraud=False)],
    )

    assert (found.scope, found.value) == (Scope.HOST, "www.club.example")
    assert found.because == "shop.club.example is under club.example too, and nobody reported it"


def test_fraud_on_several_hosts_takes_the_domain() -> None:
    found = choose_scope(
        "https://a.evil.example/",
        lists=LISTS,
        others=[seen("https://b.evil.example/", is_fraud=True)],
    )

    assert (found.scope, found.value) == (Scope.DOMAIN, "evil.example")
    assert found.because == (
        "2 hosts of evil.example serve fraud, such as a.evil.example and b.evil.example"
    )


def test_a_person_may_narrow_and_never_widen() -> None:
    url = "https://a.evil.example/x"

    assert narrowed(url, Scope.URL, lists=LISTS).value == "https://a.evil.example/x"
    assert narrowed(url, Scope.HOST, lists=LISTS) == choose_scope(url, lists=LISTS)
    with pytest.raises(Refused, match=r"too wide: of evil.example only .* Possible: host or url"):
        narrowed(url, Scope.DOMAIN, lists=LISTS)
    with pytest.raises(Refused, match="Possible: url"):
        narrowed("https://x.pages.example/ada", Scope.HOST, lists=LISTS)


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        ("evil.example", {}),
        ("notbank.example", {}),
        (
            "mail.video.example",
            {
                Caution.TOP_SITE: (
                    "mail.video.example falls under video.example, one of the most visited sites"
                )
            },
        ),
        (
            "bank.example",
            {Caution.BRAND_OWN: ("bank.example has www.bank.example below it, a brand's own name")},
        ),
        ("hospital.example", {Caution.ESSENTIAL: "hospital.example is an essential service"}),
        ("co.uk", {Caution.PUBLIC_SUFFIX: "co.uk is a public suffix"}),
    ],
)
def test_a_name_is_warned_of_by_what_it_is_what_is_above_and_what_is_below(
    name: str, warnings: dict[Caution, str]
) -> None:
    assert cautions_of(name, lists=LISTS) == warnings


def test_what_always_passes_is_final_even_for_one_address() -> None:
    assert choose_scope("http://112.example/", lists=LISTS).is_final
    assert narrowed("http://112.example/", Scope.URL, lists=LISTS).is_final
    assert not choose_scope("http://tax.gov.example/", lists=LISTS).is_final


def test_one_address_on_a_popular_host_needs_no_third_person() -> None:
    assert choose_scope("http://pages.example/ada", lists=LISTS).warnings == {}


LABEL = st.sampled_from(["a", "b", "www", "bank", "xn--bcher-kva"])
BASES = st.sampled_from(
    [
        "pages.example",
        "cloud.example",
        "sho.example",
        "evil.example",
        "evil.co.uk",
        "co.uk",
        "shop.example",
    ]
)
HOSTS = st.builds(
    lambda labels, base: ".".join([*labels, base]), st.lists(LABEL, max_size=3), BASES
)
OTHERS = st.lists(
    st.builds(
        lambda host, is_fraud: seen(f"http://{host}/other", is_fraud=is_fraud), HOSTS, st.booleans()
    ),
    max_size=5,
)


@given(HOSTS, OTHERS)
@FIXED
def test_no_choice_takes_anybody_innocent_anybody_shared_or_a_whole_suffix(
    host: str, others: list[Seen]
) -> None:
    found = choose_scope(f"https://{host}/login", lists=LISTS, others=others)

    if found.scope is Scope.URL:
        assert found.value == f"https://{host}/login"
        return
    assert host == found.value or host.endswith(f".{found.value}")
    assert registrable_domain(found.value) is not None
    innocent = {one.landing.host for one in others if not one.is_fraud}
    assert not any(f".{name}".endswith(f".{found.value}") for name in innocent)
    for shared in (*LISTS.shared_hosting, *LISTS.shorteners):
        assert not f".{found.value}".endswith(f".{shared}")
        assert not f".{shared}".endswith(f".{found.value}")
