from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import ValidationError

from slipway.bundle.document import ReportDocument
from slipway.forge.interface import Conclusion
from slipway.report import ReportInput
from slipway.report.pull_request import LIMIT, State, Told, check, comment, marker, running, summary
from slipway.report.pull_request.overview import MERGES
from slipway.report.review import Act, Beside, ModelReview
from slipway.report.style import Origin

from . import samples

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TOLD = Told(
    pull_request=7,
    head=samples.COMMIT,
    url="https://git.example.org/acme/models/actions/runs/123",
    run="123.1",
    server="https://git.example.org",
    repository="acme/models",
)
OURS = {TOLD.url, f"https://git.example.org/acme/models/commit/{samples.COMMIT}"}
TAGS = re.compile(r"</?(details( open)?|summary|b|sub|code)>")
DIFF = "--- a/gitops/x.yaml\n+++ b/gitops/x.yaml\n@@ -1 +1 @@\n-  traffic: 100\n+  traffic: 90\n"
OUTSIDE = ModelReview(model="prices", error="the store cannot be reached\n  Is SLIPWAY_STORE right?", is_outside=True)
WRONG = ModelReview(model="wine", error="data/wine/model.toml:12: trails is not known\n  Did you mean trials?")


def of(report: ReportInput, name: str = "") -> ModelReview:
    model = name or report.model
    return ModelReview(model=model, report=replace(report, model=model))


SEVERAL = [
    of(samples.promote(), "iris"),
    of(samples.inconclusive(), "churn"),
    OUTSIDE,
    of(samples.block_by_slice(), "fraud"),
    WRONG,
]


def folded(text: str) -> dict[str, bool]:
    """The titles of what can be folded, and whether it starts open."""
    found = re.findall(r"<details( open)?>\n<summary>(?:<b>)?([^<]*)", text)
    return {re.sub(r" \(.*", "", title): bool(is_open) for is_open, title in found}


def heading(text: str) -> str:
    return next(line for line in text.split("\n") if line.startswith("#"))


def column(text: str, place: int) -> list[str]:
    """A column of the first table."""
    rows = [line for line in text.split("\n\n<details", maxsplit=1)[0].split("\n") if line.startswith("| ")]
    return [re.split(r" \| |^\| | \|$", row)[place + 1] for row in rows[2:]]


# ---- one model


@pytest.mark.parametrize("name", samples.CASES)
def test_every_case_is_short_enough_and_well_formed(name: str) -> None:
    text = comment([of(samples.CASES[name]())], TOLD)
    said = marker(text)
    assert said is not None
    assert (said.head, said.run, said.state) == (TOLD.head, TOLD.run, State.DONE)
    assert len(text) < LIMIT
    markup = "".join(t.content for t in GFM.parse(text) if t.type == "html_block")
    assert markup.count("<details") == markup.count("</details>")
    assert "<picture>" not in text
    assert not re.search(r"\bNone\b(?! of)|\bnan\b(?! on fold)", text)


def test_one_model_reads_as_its_own_report() -> None:
    text = comment([of(samples.promote())], TOLD)
    facts = text.split("\n\n")[2]
    assert heading(text) == "## ✅ promote: iris"
    assert facts.startswith(f"commit [`8c2f4e1a`](https://git.example.org/acme/models/commit/{samples.COMMIT}) against")
    assert "· key `3fa9c1d2` · champion `91bb04ce` · data `data/iris/train.csv`, 150 rows" in facts
    assert "| Model |" not in text
    assert list(folded(text))[-3:] == ["What each stage took", "Reproduce", "Versions"]
    assert f"]({TOLD.url})" in text.rsplit("\n\n", 1)[1]


@pytest.mark.parametrize(("name", "charts"), [("promote", 0), ("binary", 1), ("regression", 1), ("rejected", 0)])
def test_pictures_are_letters_and_at_most_one_chart(name: str, charts: int) -> None:
    text = comment([of(samples.CASES[name]())], TOLD)
    languages = [t.info for t in GFM.parse(text) if t.type == "fence"]
    assert languages.count("mermaid") == charts
    assert languages.count("text") == (0 if name == "rejected" else 1)
    said = check([of(samples.CASES[name]())], TOLD).summary
    assert "mermaid" not in said, "nobody says that GitHub draws it in a check's summary"


def test_the_manifests_diff_stands_before_the_way_back() -> None:
    text = comment([of(samples.promote(manifest_diff=DIFF))], TOLD)
    (diff,) = [t for t in GFM.parse(text) if t.info == "diff"]
    assert diff.content == DIFF
    assert text.index("**If you merge:**") < text.index(DIFF) < text.index("**To roll back:**")
    assert "The manifest's diff" not in folded(text)


def test_a_long_diff_is_folded_and_cut() -> None:
    text = comment([of(samples.promote(manifest_diff=DIFF + "+ x: 1\n" * 400))], TOLD)
    assert "<summary>The manifest's diff (405 lines)</summary>" in text
    assert folded(text)["The manifest's diff"] is False
    assert "… and 205 more lines" in text


def test_a_summary_names_what_is_as_it_should_be_too() -> None:
    review = of(samples.promote())
    assert "✅&nbsp;pass | `petal length (cm)` |" in summary([review])
    assert "`petal length (cm)` | between" not in comment([review], TOLD)


def test_what_ships_nothing_has_no_diff() -> None:
    assert "traffic: 90" not in comment([of(replace(samples.inconclusive(), manifest_diff=DIFF))], TOLD)


def test_the_engine_and_the_data_are_named() -> None:
    text = comment([of(samples.promote(engine="Tekton", data_digest="sha256:" + "ab" * 32))], TOLD)
    assert "Engine: `Tekton`." in text
    assert f"The data: `sha256:{'ab' * 32}`." in text


def test_what_a_fork_trained_is_shown_and_not_shipped() -> None:
    own, fork, never = (comment([of(samples.promote())], replace(TOLD, origin=origin)) for origin in Origin)
    assert "these very bytes" in own
    assert "fork" not in own
    assert "these very bytes" not in fork
    assert "What the fork trained is shown, not shipped: a merge trains it again" in fork
    assert "is trained again, as this repository asks for" in never
    assert "fork" not in never


# ---- what is not judged


@pytest.mark.parametrize("act", Act)
def test_what_a_merge_does_unjudged_is_said(act: Act) -> None:
    also = (Beside(model="wine", act=act),)
    alone = comment([], TOLD, also=also)
    assert heading(alone) == "## ⚠️ nothing to judge, and a merge changes what is served"
    assert f"- `wine`: a merge {MERGES[act]}" in alone
    assert check([], TOLD, also=also).title == "nothing to judge; a merge changes wine"
    beside = comment([of(samples.promote())], TOLD, also=also)
    assert heading(beside).startswith("## ✅ promote")
    assert f"- `wine`: a merge {MERGES[act]}" in beside


def test_many_that_are_not_judged_are_counted() -> None:
    text = comment([], TOLD, also=[Beside(model=f"m{number}", act=Act.RETIRE) for number in range(256)])
    assert "- and 236 more models" in text


# ---- several


def test_several_models_stand_in_a_table_the_worst_first() -> None:
    text = comment(SEVERAL, TOLD, rejected={"titanic": "its bundle is no archive"})
    assert heading(text) == "## ❌ error: wine (of 6 models)"
    assert "6 models: 1 error, 1 rejected, 1 block, 1 not judged, 1 inconclusive, 1 promote · " in text
    assert column(text, 0) == ["`wine`", "`titanic`", "`fraud`", "`prices`", "`churn`", "`iris`"]
    assert column(text, 1) == [
        f"{sign}&nbsp;{word}"
        for sign, word in (("❌", "error"), ("❌", "rejected"), ("❌", "block"), ("⚠️", "not judged"),
                           ("⚠️", "inconclusive"), ("✅", "promote"))
    ]  # fmt: skip
    assert column(text, 2)[-1] == "log loss +0.071&nbsp;[+0.031,&nbsp;+0.111]"
    assert column(text, 5)[1] == "its bundle is no archive"
    assert "**If you merge:** `iris` ships. What is live of the others stays live." in text


def test_only_what_fails_or_warns_starts_open() -> None:
    opened = folded(comment(SEVERAL, TOLD))
    models = {title: is_open for title, is_open in opened.items() if ": " in title}
    assert models == {
        "❌ error: wine": True,
        "❌ block: fraud": True,
        "⚠️ not judged: prices": True,
        "⚠️ inconclusive: churn": True,
        "✅ promote: iris": False,
    }


@pytest.mark.parametrize(
    ("shipped", "said"),
    [
        (0, "**If you merge:** nothing ships."),
        (1, "**If you merge:** `model-0` ships. What is live of the others"),
        (2, "**If you merge:** `model-0` and `model-1` ship."),
        (12, "`model-6`, `model-7` and 2 more ship."),
    ],
)
def test_it_says_which_models_a_merge_ships(shipped: int, said: str) -> None:
    promoted = [of(samples.promote(), f"model-{n}") for n in range(shipped)]
    assert said in comment([*promoted, of(samples.inconclusive(), "x"), of(samples.inconclusive(), "y")], TOLD)


@pytest.mark.parametrize("models", [50, 256])
def test_many_models_fit_and_what_is_left_out_is_named(models: int) -> None:
    text = comment([of(samples.promote(), f"model-{n:03}") for n in range(models)], TOLD)
    assert len(text) < LIMIT
    assert text.count("<details") == text.count("</details>")
    note = text.rsplit("\n\n", 1)[1]
    assert note.startswith(f"**Left out, for a comment has a limit:** Best trials ({models} models); Search space (")
    assert f"]({TOLD.url})" in note
    assert len(column(text, 0)) == (50 if models == 50 else pytest.approx(150, abs=60))
    assert models == 50 or "what else there is did not fit" in text


def test_a_summary_has_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    text = summary([of(samples.many_trials(1_000))])
    assert sum(line.startswith("| ") for line in text.split("\n")) > 1_000
    assert "more of" not in text
    assert "commit `8c2f4e1a` against `1d2c3b4a` · key" in text
    monkeypatch.setattr("slipway.report.pull_request.SUMMARY_LIMIT", 100_000)
    short = summary([of(samples.many_trials(1_000)), of(samples.promote(), "wine")])
    assert len(short.encode()) < 100_000
    assert "**Left out, for a comment has a limit:** Best trials" in short


# ---- what went wrong


@pytest.mark.parametrize(
    ("reviews", "refused", "rejected", "top", "said"),
    [
        ([WRONG], "", {}, "❌ error: wine", "Correct what is named, and push again."),
        ([OUTSIDE], "", {}, "⚠️ not judged: prices", "This is not the change's fault, and nothing was decided"),
        ([], "", {"iris": "its bundle is no archive"}, "❌ rejected: iris", "nothing of it is shown or kept"),
        ([of(samples.promote())], "", {"iris": "it lies"}, "❌ rejected: iris", "it lies"),
        ([], "iris changes its inputs and gitops\n  Split it.", {}, "❌ refused: this change", "  Split it."),
        ([], "", {}, "✅ no model is affected", "nothing is trained or judged"),
    ],
)
def test_what_went_wrong_is_said_with_what_to_do(
    reviews: Sequence[ModelReview], refused: str, rejected: Mapping[str, str], top: str, said: str
) -> None:
    text = comment(reviews, TOLD, refused=refused, rejected=rejected)
    assert heading(text) == f"## {top}"
    assert said in text
    assert "**To roll back:**" not in text


def test_a_report_that_does_not_hold_together_leaves_the_others_whole() -> None:
    bad = replace(samples.promote(), comparison=samples.comparison(metrics=()))
    text = comment([of(bad, "bad"), of(samples.promote())], TOLD)
    assert column(text, 1) == ["❌&nbsp;rejected", "✅&nbsp;promote"]
    assert "its report does not have one metric that decides" in text


# ---- while it runs


def test_while_it_runs_the_last_result_stays() -> None:
    first = running(TOLD)
    assert marker(first) == replace(marker(comment([], TOLD)), state=State.RUNNING)  # type: ignore[type-var]
    assert TOLD.url in first
    assert TOLD.commit in first
    done = comment([of(samples.binary())], TOLD)
    result = done.partition("\n")[2].strip()
    second = running(TOLD, done)
    assert next(iter(folded(second))) == "The last result, of an earlier run"
    assert result in second
    assert second.count("<!-- slipway:pull-request") == 1
    assert running(TOLD, second) == second, "twice under way, still the last result"
    assert running(TOLD, first) == first
    assert running(TOLD, second.replace("\n", "\r\n")).count(result.split("\n", 1)[0]) == 1


@pytest.mark.parametrize("before", ["", "Nice!", "> <!-- slipway:pull-request -->", "<!-- slipway:before -->x"])
def test_what_others_wrote_is_not_kept(before: str) -> None:
    assert running(TOLD, before) == running(TOLD)


def test_the_longest_result_fits_below_what_is_under_way() -> None:
    done = comment([of(samples.promote(), f"model-{n}") for n in range(50)], TOLD)
    assert len(running(TOLD, done)) < LIMIT


# ---- the check


@pytest.mark.parametrize(
    ("reviews", "conclusion", "title"),
    [
        ([of(samples.promote())], "success", "iris: promote, log loss 0.071 better [+0.031, +0.111]"),
        ([of(samples.block_by_metric())], "failure", "iris: block, log loss 0.071 worse [−0.111, −0.031]"),
        (
            [of(samples.block_by_slice())],
            "failure",
            "iris: block, log loss 0.071 better [+0.031, +0.111], slices failed",
        ),
        ([of(samples.inconclusive())], "neutral", "iris: inconclusive, log loss 0.010 better [−0.030, +0.050]"),
        ([of(samples.identical())], "neutral", "iris: inconclusive, log loss equal [0.000, 0.000]"),
        ([of(samples.rejected())], "failure", "iris: block, 3 of 9 expectations failed on 150 rows"),
        ([of(samples.nothing_found())], "failure", "iris: block, None of 6 trials was completed"),
        ([WRONG], "failure", "wine: error, data/wine/model.toml:12: trails is not known"),
        ([OUTSIDE], "failure", "prices: nothing was decided, for something outside failed: run it again"),
        ([], "success", "no model is affected"),
        ([of(samples.promote(), "a"), of(samples.promote(), "b")], "success", "promote: all 2 models"),
        ([of(samples.promote(), "a"), of(samples.inconclusive(), "b")], "neutral", "inconclusive: b (of 2 models)"),
        ([of(samples.promote(), "a"), OUTSIDE], "failure", "not judged: prices (of 2 models)"),
        (SEVERAL, "failure", "error: wine (of 5 models)"),
    ],
)
def test_the_check_concludes(reviews: Sequence[ModelReview], conclusion: str, title: str) -> None:
    found = check(reviews, TOLD)
    assert found.conclusion is Conclusion(conclusion)
    assert found.title.startswith(title)
    assert (found.name, found.head, found.external_id, found.url) == ("slipway", TOLD.head, TOLD.run, TOLD.url)


@pytest.mark.parametrize("told", [{"refused": "iris changes both"}, {"rejected": {"iris": "it lies"}}])
def test_what_was_not_looked_at_is_no_success(told: dict[str, Any]) -> None:
    found = check([], TOLD, **told)
    assert found.conclusion is Conclusion.FAILURE
    assert found.title in {"refused: iris changes both", "iris: rejected, it lies"}


def test_a_checks_summary_is_short_in_bytes() -> None:
    names = [f"model-{n:03}" for n in range(80)]
    hostile = samples.hostile(("日本語" * 400,), columns=9)
    found = check([of(hostile, name) for name in names], TOLD)
    assert len(found.summary.encode()) < 65_535
    assert len(found.title) <= 200


@pytest.mark.parametrize("error", ["😀" * 20_000, "😀\n" * 10_000, "\n".join(["`" * 900] * 99)])
def test_the_longest_error_is_said_and_cut(error: str) -> None:
    for found in (check([], TOLD, refused=error), check([replace(WRONG, error=error)], TOLD)):
        assert len(found.summary.encode()) < 65_535
        assert error[:1] in found.summary
        assert "push again" in found.summary


# ---- hostile


MORE = (
    *samples.HOSTILE,
    str(marker(comment([], TOLD))),
    f"<!-- slipway:pull-request head={samples.COMMIT} run=999.9 state=done -->",
    "</details>\n\n<details open><summary>✅ promote</summary>",
    "```\n\n# out\n\n```",
    "````````mermaid\n%%{init: {}}%%",
    "<!-- slipway:before -->",
    "| --- |\n| a |",
    "\u05d0\u05d1 \u2067x\u2069",
    "http://evil.example/a_(b)",
    "xn--80ak6aa92e.example @acme/owners",
    "$(touch /tmp/x) `id`",
    "<img src=x onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "[x]: https://evil.example\n\n[x]",
    "    indented\n\ttab",
    "&#60;script&#62;",
)


def everywhere(text: str) -> Iterator[str]:
    """All that a pull request is told, with the text wherever a pull request may put one."""
    report = replace(
        samples.hostile((text,), columns=3), manifest_diff=f"+{text}\n{text}", engine=text, data_digest=text
    )
    report = replace(report, trials=report.trials[:4])
    metric = samples.metric("log_loss", 0.2, 0.1, 0.05, primary=True).model_copy(update={"name": text})
    promoted = replace(report, comparison=samples.comparison(metrics=(metric,)), model=text, key=text, base=text)
    reviews = [
        of(report),
        ModelReview(model=text, report=promoted),
        ModelReview(model="c", error=text or "x"),
        ModelReview(model="d", error=f"data/d/model.toml:1: {text}\n  {text}", is_outside=True),
    ]
    rejected = {"e": text, f"f{text}": "x"}
    yield comment(reviews, TOLD, rejected=rejected)
    yield comment([], TOLD, refused=text or "x")
    yield comment(reviews[1:2], replace(TOLD, origin=Origin.FORK))
    yield check(reviews, TOLD, rejected=rejected).summary
    yield summary(reviews)


def of_the_page(text: str) -> tuple[list[Token], list[Token]]:
    tokens = GFM.parse(text)
    return tokens, [child for token in tokens for child in token.children or []]


@pytest.mark.parametrize("text", MORE)
def test_hostile_texts_stay_text(text: str) -> None:
    for told in everywhere(text):
        tokens, inline = of_the_page(told)
        assert not {t.type for t in inline} & {"image", "s_open", "hardbreak"}
        assert {t.attrs["href"] for t in inline if t.type == "link_open"} <= OURS
        markup = [t.content for t in (*tokens, *inline) if t.type in {"html_block", "html_inline"}]
        first, *rest = markup if told.startswith("<!--") else ["", *markup]
        assert not first or marker(first) == marker(told)
        for piece in rest:
            assert not re.findall(r"[<>]", TAGS.sub("", piece)), piece
        assert [t.type for t in tokens].count("heading_open") == 1
        assert told.count("<details") - told.count("</details>") == _in_blocks(tokens)
        assert not {t.info for t in tokens if t.type == "fence"} - {"text", "diff", "sh", "mermaid"}


def _in_blocks(tokens: list[Token]) -> int:
    """What opens and closes within blocks of text, where it is shown as it is."""
    shown = "".join(t.content for t in tokens if t.type == "fence")
    return shown.count("<details") - shown.count("</details>")


@pytest.mark.parametrize("text", ["@octocat", "#12", "octo/repo#12", "www.evil.example", "https://evil.example"])
def test_nothing_outside_of_code_is_what_github_links_by_itself(text: str) -> None:
    for told in everywhere(text):
        _, inline = of_the_page(told)
        shown = "".join(t.content for t in inline if t.type in {"text", "text_special"})
        assert not re.search(r"@octocat|#12|www\.evil|https://evil", shown)


def _leaves(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(part, (*place, key))
    if not isinstance(value, dict):
        yield place, value


def _other(value: Any, dice: random.Random) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return dice.choice([0, -1, 10**15, 2**63, 10**400, 10**4_200])
        case float():
            return dice.choice([0.0, -1.0, 1e308, -1e308, 5e-324, 1e17, 1e-9])
        case str():
            return dice.choice(MORE)
        case list():
            return dice.choice([[], value[:1], value * 2])
    return value


DOCUMENTS = [
    ReportDocument.of(samples.CASES[name]()).model_dump_json()
    for name in ("promote", "block-by-slice", "regression", "binary", "rejected", "nothing-found", "identical")
]


@settings(max_examples=150)
@given(st.sampled_from(DOCUMENTS), st.randoms(use_true_random=False))
def test_no_document_that_is_read_ends_whoever_tells_it(document: str, dice: random.Random) -> None:
    content = json.loads(document)
    for _ in range(dice.randint(1, 4)):
        place, value = dice.choice(list(_leaves(content)))
        part = content
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = _other(value, dice)
    try:
        read = ReportDocument.model_validate_json(json.dumps(content))
    except (ValidationError, ValueError):
        return
    review = ModelReview(model=read.model, report=read.to_input(samples.COMMIT))
    assert marker(comment([review, WRONG], TOLD))
    assert len(check([review], TOLD).summary.encode()) < 65_535
    assert summary([review])
