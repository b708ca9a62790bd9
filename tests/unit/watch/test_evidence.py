from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.unit.report.samples import HOSTILE

from slipway.datasets.pointer import Pointer, Source
from slipway.watch import evidence
from slipway.watch.decision import Finding, Kind, Live, findings
from slipway.watch.drift import Counts, Subject, measure
from slipway.watch.evidence import Update
from slipway.watch.labels import Metric, Quality, Sample

from .samples import ALL_BAD, BAD, MD5, WIDTH, live, pointer, source

GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])
UPDATE = Update(
    file="data/iris/train.csv.dvc",
    before=pointer(source("old")),
    after=Pointer(path="train.csv", md5="cd" * 16, size=1_234_567, source=source("new")),
)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ((), ""),
        ((WIDTH,), "drift of 1 feature"),
        ((WIDTH, WIDTH), "drift of 2 features"),
        ((Finding(kind=Kind.PREDICTIONS),), "drift of the predictions"),
        ((Finding(kind=Kind.QUALITY),), "worse answers"),
        (ALL_BAD, "drift of 1 feature and of the predictions, and worse answers"),
    ],
)
def test_a_headline(found: tuple[Finding, ...], said: str) -> None:
    assert evidence.headline(found) == said


def test_a_pull_request_says_what_it_changes_and_why() -> None:
    text = evidence.proposal("iris", UPDATE, ALL_BAD, BAD)
    assert text.startswith(
        "**The source of `iris` holds newer data; drift of 1 feature and of the predictions, and worse"
    )
    assert "| MD5 | `" + MD5 + "` | `" + "cd" * 16 + "` |" in text
    assert "1.2 MB" in text
    assert "on 1,000 rows in 1 h 0 min" in text
    assert re.search(r"\| \*\*`width`\*\* \| \*\*0\.\d{3}\*\*", text)
    assert "accuracy 50%, on the holdout 95%. **It is worse, by 3" in text
    assert text.count("```text") == 2


def test_bars_are_as_long_as_their_shares() -> None:
    text = evidence.proposal("iris", UPDATE, findings(live(drifts=True)), live(drifts=True))
    (bars,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    head, first, second, _ = bars.split("\n")
    assert head.split() == ["before", "now"]
    assert [(line.count("░"), line.count("█")) for line in (first, second)] == [(9, 16), (9, 2)]
    assert "90%" in first


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (None, "Nothing is live"),
        (
            Live(key="ab" * 32, environment="production", seconds=60),
            "of which Prometheus has seen no row in 1 min 0 s.",
        ),
        (live(), "It is not worse beyond doubt."),
    ],
)
def test_what_is_not_known_is_said(seen: Live | None, said: str) -> None:
    assert said in evidence.proposal("iris", UPDATE, (), seen)


def test_labels_that_never_came_are_no_all_clear() -> None:
    quality = Quality(metric=Metric.ERROR, now=None, before=Sample(rows=10, value=2.0))
    seen = Live(key="ab" * 32, environment="production", seconds=60, quality=quality)
    assert "No row's truth came back, so nobody knows" in evidence.proposal("iris", UPDATE, (), seen)


def test_an_issue_says_what_could_be_done() -> None:
    text = evidence.stuck("iris", ALL_BAD, "its pointer names no source that newer data could come from", BAD)
    assert "and there are no newer data.**" in text
    assert "Its pointer names no source that newer data could come from. So there is nothing" in text


NAMES = st.one_of(st.text(min_size=1, max_size=120), st.sampled_from(HOSTILE))
COUNTS = st.lists(st.tuples(NAMES, st.floats(0, 1e9), st.floats(0, 1e9)), min_size=1, max_size=22)


@st.composite
def seen(draw: st.DrawFn) -> Live:
    counts = [
        Counts(
            name=draw(NAMES),
            subject=draw(st.sampled_from(Subject)),
            labels=tuple(label for label, *_ in bins),
            before=tuple(before for _, before, _ in bins),
            now=tuple(now for *_, now in bins),
        )
        for bins in draw(st.lists(COUNTS, max_size=3))
    ]
    sample = st.builds(Sample, rows=st.floats(1, 1e9), value=st.floats(0, 1e9))
    quality = st.builds(Quality, metric=st.sampled_from(Metric), now=st.none() | sample, before=st.none() | sample)
    return Live(
        key=draw(NAMES),
        environment=draw(NAMES),
        seconds=draw(st.floats(0, 1e7)),
        moved=measure(counts),
        quality=draw(st.none() | quality),
    )


@settings(max_examples=60)
@given(live=seen(), url=NAMES, why=NAMES)
def test_data_say_nothing_that_is_not_quoted(live: Live, url: str, why: str) -> None:
    after = Pointer(path="x", md5=MD5, source=Source(url=url, etag=url))
    update = Update(file=url, before=after, after=after)
    found = (*findings(live), WIDTH)
    for text in (evidence.proposal("iris", update, found, live), evidence.stuck("iris", found, why, live)):
        assert len(text) < evidence.LIMIT
        tokens = [inner for token in GFM.parse(text) for inner in (token, *(token.children or ()))]
        assert {token.type for token in tokens} & {"html_block", "link_open", "image"} == set()
        html = {token.content for token in tokens if token.type == "html_inline"}
        assert html <= {"<code>", "</code>", "<sub>", "</sub>"}


def test_the_most_that_there_can_be_is_short_enough() -> None:
    name = "<" * 200
    counts = [
        Counts(name=name, labels=(name,) * 22, before=(1000.0,) * 22, now=(*(0.0,) * 21, 9e9)) for _ in range(300)
    ]
    most = Live(key="ab" * 32, environment="production", seconds=60, moved=measure(counts))
    assert len(evidence.proposal("iris", UPDATE, findings(most), most)) < evidence.LIMIT
