from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from slipway.report import ReportInput, comment
from slipway.results import Severity, VerdictName

from . import samples

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ALLOWED = re.compile(
    r"</?(details( open)?|summary|sub|code|picture)>"
    r'|<source media="\(prefers-color-scheme: dark\)" srcset="plots/[a-z]+-dark\.png">'
    r'|<img src="plots/[a-z]+-light\.png" width="800" alt="[^"<>]*">'
)


def folded(text: str) -> dict[str, bool]:
    """The titles of the sections, and whether each starts open."""
    found = re.findall(r"<details( open)?>\n<summary>([^<]*)</summary>", text)
    return {re.sub(r" \(.*", "", title): bool(is_open) for is_open, title in found}


@pytest.mark.parametrize("name", samples.CASES)
def test_every_case_is_short_enough_and_well_formed(name: str) -> None:
    text = comment.render(samples.CASES[name]())
    assert text.startswith("## ")
    assert len(text) < comment.LIMIT
    assert text.count("<details") == text.count("</details>")
    assert text.count("<picture>") <= 2
    assert not re.search(r"\bNone\b(?! of)|\bnan\b(?! on fold)", text)


@pytest.mark.parametrize("name", samples.CASES)
def test_equal_reports_give_equal_comments(name: str) -> None:
    assert comment.render(samples.CASES[name]()) == comment.render(samples.CASES[name]())


@pytest.mark.parametrize(
    ("report", "heading", "said"),
    [
        (samples.promote, "## ✅ promote: iris", "The challenger is 0.071 better in log loss on 38 holdout rows"),
        (samples.block_by_metric, "## ❌ block: iris", "The challenger is 0.071 worse in log loss"),
        (samples.block_by_slice, "## ❌ block: iris", "A guardrail is broken all the same: slices."),
        (samples.inconclusive, "## ⚠️ inconclusive: iris", "This holdout cannot tell the two apart"),
        (samples.first_model, "## ✅ promote: iris", "Nothing is live yet, so the champion is the baseline"),
        (samples.regression, "## ✅ promote: diabetes", "5.2 better in RMSE on 110 holdout rows"),
        (samples.rejected, "## ❌ block: iris", "2 critical expectations failed. No model was searched."),
        (samples.nothing_found, "## ❌ block: iris", "no trial was completed"),
    ],
)
def test_the_verdict_comes_first_with_what_it_means(report: object, heading: str, said: str) -> None:
    assert callable(report)
    text = comment.render(report())
    assert text.split("\n\n")[0] == heading
    assert said in text.split("\n\n")[2]


def test_the_facts_are_on_one_line() -> None:
    facts = comment.render(samples.promote()).split("\n\n")[1]
    assert facts == (
        "commit `8c2f4e1a` against `1d2c3b4a` · key `3fa9c1d2` · champion `91bb04ce` · "
        "data `data/iris/train.csv`, 150 rows (112 to train on, 38 held out) · 18 s (and 2.2 s before)"
    )


def test_only_a_failing_section_starts_open() -> None:
    opened = {
        name: [title for title, is_open in folded(comment.render(report())).items() if is_open]
        for name, report in samples.CASES.items()
    }
    assert {name: titles for name, titles in opened.items() if titles} == {
        "block-by-slice": ["Slices"],
        "rejected": ["Failing rows"],
        "nothing-found": ["Failed trials"],
        "hostile": ["Slices"],
    }


def test_rejected_data_show_the_rows_first_and_no_search() -> None:
    text = comment.render(samples.rejected())
    assert list(folded(text)) == ["Failing rows", "Columns that are not read", "Data changes", "What each stage took",
                                  "Reproduce"]  # fmt: skip
    assert text.index("| 120 | `species` | `virginia` |") < text.index("**If you merge:**")
    assert "<picture>" not in text


def test_leakage_alone_blocks_with_its_rows() -> None:
    leakage = samples.validation().leakage.model_copy(update={"severity": Severity.CRITICAL, "duplicates": 30})
    report = replace(samples.rejected(), validation=samples.validation(leakage=leakage, checks=()))
    text = comment.render(report)
    assert report.verdict is VerdictName.BLOCK
    assert "holdout rows stand on the training side as well. No model was searched." in text
    assert folded(text)["Rows on both sides of the split"]


def test_only_promote_ships() -> None:
    text = comment.render(samples.promote())
    assert "**To roll back:**" in text
    pattern = r"^(release|promote|restore)\(iris\): 3fa9c1d2"
    assert (f"```sh\ngit revert $(git log -1 --first-parent -E --format=%H --grep='{pattern}')\n```") in text
    for report in (samples.block_by_metric(), samples.inconclusive(), samples.rejected()):
        text = comment.render(report)
        assert "Nothing ships" in text
        assert "git revert" not in text


@pytest.mark.parametrize(
    ("percent", "said"), [(10, "10% of the traffic as the canary"), (0, "all of the traffic at once")]
)
def test_the_canary_is_named(percent: int, said: str) -> None:
    report = replace(samples.promote(), spec=samples.spec(serving={"canary_percent": percent, "replicas": 3}))
    assert said in comment.render(report)
    assert "on 3 replicas" in comment.render(report)


@pytest.mark.parametrize(
    ("least", "said"),
    [(0.0, "any improvement"), (-0.01, "no more than 0.01 worse"), (0.02, "an improvement of more than 0.02")],
)
def test_the_threshold_is_said_in_words(least: float, said: str) -> None:
    report = replace(samples.promote(), comparison=samples.comparison(min_improvement=least))
    assert f"The gate asks for {said}" in comment.render(report)


def test_what_does_not_fit_is_dropped_whole_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    report = samples.promote()
    whole = comment.render(report)
    monkeypatch.setattr(comment, "LIMIT", len(whole) - 500)
    text = comment.render(report)
    assert len(text) < len(whole) - 500
    assert set(folded(whole)) - set(folded(text)) == {"Best trials"}
    assert (
        "**Left out, for a comment has a limit:** Best trials. All of it is in `.slipway/report/iris/report.html`"
        in text
    )
    monkeypatch.setattr(comment, "LIMIT", 6_000)
    left = re.search(r"Left out[^*]*\*\* (.*)\. All of it", comment.render(report))
    assert left is not None
    assert left[1].split("; ")[:2] == ["Best trials", "Search space"]


def test_long_tables_say_what_they_leave_out() -> None:
    assert "4,990 more of 5,000: see report.html." in comment.render(samples.many_trials())


def test_many_classes_have_no_matrix() -> None:
    text = comment.render(samples.many_classes())
    assert 'alt="Calibration' in text
    assert "Confusion" not in text


def report_of(text: str) -> ReportInput:
    return samples.hostile((text,), columns=3)


@pytest.mark.parametrize("text", samples.HOSTILE)
def test_hostile_texts_stay_text(text: str) -> None:
    rendered = comment.render(report_of(text))
    tokens = GFM.parse(rendered)
    inline = [child for token in tokens for child in token.children or []]
    kinds = {t.type for t in inline}
    assert not kinds & {"link_open", "image", "s_open", "hardbreak"}
    markup = [t.content for t in (*tokens, *inline) if t.type in {"html_block", "html_inline"}]
    for piece in markup:
        assert not re.sub(r"[^<>]*", "", ALLOWED.sub("", piece.replace("&lt;", "").replace("&gt;", ""))), piece
    assert rendered.count("<!--") == 0
    assert [t.type for t in tokens].count("heading_open") == 1


def test_all_hostile_texts_together_leave_the_tables_whole() -> None:
    tokens = GFM.parse(comment.render(samples.hostile()))
    headings = [t for t in tokens if t.type == "heading_open"]
    assert len(headings) == 1
