"""`tocsin bench shield`: the figures it promises, measured on real servers where there are any."""

import re
import shutil

from tests.house.source import REPOSITORY

PAGE = (REPOSITORY / "docs" / "reference" / "commands.md").read_text("utf-8")


def test_the_shield_is_measured_with_all_figures_of_the_page(spawn) -> None:
    done = spawn("bench", "shield", "--rows", "1000", "--messages", "20", "--json")
    facts = done.json

    assert done.ended == (0, "")
    said = PAGE.partition("### tocsin bench shield")[2].partition("\n### ")[0]
    promised = set(re.findall(r"[a-z_]{4,}", " ".join(re.findall(r"`([a-z_, ]+)`", said))))
    assert set(facts) <= promised
    assert (facts["bench"], facts["size"], facts["messages"]) == ("shield", 1000, 20)
    assert facts["zone_bytes"] > 50_000
    assert 0 < facts["delta_ms"] < 10_000
    if shutil.which("knotd") and shutil.which("unbound"):
        quickest, slowest = (
            facts["approval_to_answer_best_seconds"],
            facts["approval_to_answer_seconds"],
        )
        assert 0 < quickest <= slowest < 120
