"""The library of advice: every problem that somebody is warned of has its own, in all languages."""

from datetime import UTC, datetime

import pytest

from tocsin.desks.subscribers.queries import advice
from tocsin.desks.subscribers.queries.advice import (
    SENTENCES,
    advice_for,
    library,
    sentences_in,
    spoken,
)
from tocsin.desks.subscribers.queries.wordings import (
    Facts,
    House,
    languages,
    warning_text,
    words_in,
)
from tocsin.rules.playbooks import ADOPTABLE, PLAYBOOKS
from tocsin.words.errors import Unusable

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KINDS = sorted({kind for row in (*PLAYBOOKS, *ADOPTABLE) for kind in row.kinds})
FAMILIES = {family for row in (*PLAYBOOKS, *ADOPTABLE) for family in row.families}


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_that_somebody_is_warned_of_has_one_for_all_its_families(kind: str) -> None:
    assert len([one for one in library() if kind in one.kinds and not one.families]) == 1
    assert advice_for(kind, "never-heard-of").families == ()


def test_a_family_has_one_advice_alone_and_those_of_playbooks_have_their_own() -> None:
    named = [(kind, family) for one in library() for kind in one.kinds for family in one.families]

    assert len(named) == len(set(named))
    assert {family for _, family in named} >= FAMILIES
    assert all(family == family.lower() for _, family in named)


def test_every_sentence_of_the_library_is_used_and_every_one_that_is_used_is_there() -> None:
    english, general = sentences_in("en"), words_in("en").texts
    assert english is not None
    steps = {step for one in library() for step in one.steps}
    own = {step for step in steps if "." not in step}
    what = {one.what for one in library()}

    assert own == set(english["steps"])
    assert what >= set(english["what"])
    assert {f"what_{name}" for name in what - set(english["what"])} <= set(general)
    for wording, number in (step.split(".") for step in steps - own):
        assert 1 <= int(number) <= len(general[f"steps_{wording}"])


@pytest.mark.parametrize("path", sorted(SENTENCES.glob("*.toml")), ids=lambda one: one.stem)
def test_a_language_of_the_library_has_all_of_it_and_says_what_it_was_translated_from(path) -> None:
    english, own = sentences_in("en"), sentences_in(path.stem)

    assert english is not None
    assert own is not None
    for part in ("what", "steps"):
        assert list(own[part]) == list(english[part])
        assert all("http" not in one and "{" not in one for one in own[part].values())
    if path.stem != "en":
        assert not set(own["steps"].values()) & set(english["steps"].values())


def test_advice_says_where_it_comes_from() -> None:
    for one in library():
        assert all(source.title and source.url.startswith("https://") for source in one.sources)


@pytest.mark.parametrize("code", languages())
def test_every_advice_can_be_written_in_every_language(code: str) -> None:
    for one in library():
        facts = Facts(one.kinds[0], one.families[0] if one.families else "", "", AT, AT)
        _, text = warning_text(
            "2345-6789-ABCD",
            language=code,
            playbook=PLAYBOOKS[0],
            facts=facts,
            house=House("Tor Telecom"),
        )

        if sentences_in(code) is None:
            steps = words_in(code).texts[f"steps_{PLAYBOOKS[0].wording}"]
        else:
            said = spoken(one, code=code, general=words_in(code).texts)
            assert said is not None
            steps = said[1]
            assert said[0] in text
        assert [f"{n}. {step}" in text for n, step in enumerate(steps, 1)] == [True] * len(steps)


def test_a_language_that_was_translated_from_another_english_has_the_general_steps(
    tmp_path, monkeypatch
) -> None:
    for code, was in (("en", ""), ("de", "0123456789abcdef")):
        text = (SENTENCES / f"{code}.toml").read_text("utf-8")
        lines = [
            f'translated_from = "{was}"' if line.startswith("translated_from") else line
            for line in text.splitlines()
        ]
        (tmp_path / f"{code}.toml").write_text("\n".join(lines), "utf-8")
    monkeypatch.setattr(advice, "SENTENCES", tmp_path)
    advice.sentences_in.cache_clear()
    try:
        assert advice.sentences_in("en") is not None
        assert advice.sentences_in("de") is None
        assert advice.sentences_in("sv") is None
    finally:
        advice.sentences_in.cache_clear()


def test_a_language_without_the_library_is_written_to_with_the_general_steps(monkeypatch) -> None:
    monkeypatch.setattr(advice, "sentences_in", lambda code: None)

    _, text = warning_text(
        "2345-6789-ABCD",
        language="sv",
        playbook=PLAYBOOKS[0],
        facts=Facts("infected-system", "lumma", "", AT, AT),
        house=House("Tor Telecom"),
    )

    general = words_in("sv").texts
    assert general["what_thing"] in text
    assert f"4. {general['steps_thing'][3]}" in text
    assert "5. " not in text


def test_the_family_decides_and_not_the_case_of_its_letters() -> None:
    assert advice_for("infected-system", "Lumma").name == "stealer"
    assert advice_for("infected-system", "mirai").name == "thing"
    assert advice_for("infected-system", "").name == "infected"


def test_a_class_without_advice_and_a_file_out_of_order_are_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(Unusable, match="no advice for the class 'other'"):
        advice_for("other", "")
    monkeypatch.setattr(advice, "FILES", tmp_path)
    for text, said in (
        ("kinds = [", "bad.toml"),
        ("kinds = []", "its keys are"),
        ('kinds=["a"]\nfamilies=[]\nwhat="open"\nsteps=[]\nsources=[]', "not empty"),
        ('kinds=["a"]\nfamilies=[]\nwhat="open"\nsteps=["x"]\nsources=[{name="x"}]', "bad.toml"),
    ):
        (tmp_path / "bad.toml").write_text(text, "utf-8")
        with pytest.raises(Unusable, match=said):
            library.__wrapped__()
