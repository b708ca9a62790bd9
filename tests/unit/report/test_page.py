from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from slipway.report import page

from . import samples

VOID = {"meta", "br", "img", "link"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "nav", "div"),
    *("h1", "h2", "h3", "p", "a", "span", "dl", "dt", "dd", "code", "pre", "details", "summary"),
    *("table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
    *("svg", "g", "path", "use", "defs", "clippath", "rect", "text", "tspan", "pattern"),
}


class Reader(HTMLParser):
    """Collects what a page is made of, and sees to it that its elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.stack: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module", params=samples.CASES)
def text(request: pytest.FixtureRequest) -> str:
    return page.render(samples.CASES[request.param]())


def test_a_page_is_well_formed_and_needs_nothing_else(text: str) -> None:
    reader = Reader(text)
    assert reader.stack == []
    assert reader.tags <= TAGS
    names = {name for name, _ in reader.attributes}
    assert not names & {"style", "src", "srcset", "background", "xlink:href"}
    assert not [name for name in names if name.startswith("on")]
    links = [value for name, value in reader.attributes if name == "href"]
    ids = [value for name, value in reader.attributes if name == "id"]
    assert all(link.startswith("#") and link[1:] in ids for link in links)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(([^)]*)\)", text)) <= {f"#{name}" for name in ids}


def test_the_policy_allows_the_style_sheet_and_nothing_else(text: str) -> None:
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    parts = policy[1].replace("&#39;", "'").replace("&#43;", "+").replace("&#61;", "=").split("; ")
    assert parts == ["default-src 'none'", f"style-src 'sha256-{digest}'", "base-uri 'none'", "form-action 'none'"]
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_one_drawing_serves_light_and_dark(text: str) -> None:
    assert "#0a0b" not in text
    svg = "".join(re.findall(r"<svg.*?</svg>", text, re.DOTALL))
    assert not re.search(r"(?:fill|stroke)=\"#", svg)


def test_equal_reports_give_equal_pages() -> None:
    assert page.render(samples.promote()) == page.render(samples.promote())


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        ("promote", ["Checks", "Champion and challenger", "Right and wrong", "What the challenger looks at", "Data",
                     "Data changes", "Search", "Provenance"]),
        ("first-model", ["Checks", "Champion and challenger", "Right and wrong", "What the challenger looks at", "Data",
                         "Search", "Provenance"]),
        ("rejected", ["Checks", "Data", "Data changes", "Provenance"]),
        ("nothing-found", ["Checks", "Data", "Data changes", "Search", "Provenance"]),
    ],
)  # fmt: skip
def test_chapters(name: str, titles: list[str]) -> None:
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", page.render(samples.CASES[name]())) == titles


def test_the_page_has_what_the_comment_has_no_room_for() -> None:
    text = page.render(samples.promote())
    for said in (samples.KEY, samples.COMMIT, samples.card().onnx_sha256, "Golden requests", "scikit-learn", "1.9.1"):
        assert said in text
    assert text.count("<svg") == 7


def test_few_trials_have_no_importances_and_it_says_so() -> None:
    report = samples.promote(trials=samples.trials(9))
    assert "it takes at least 12 completed trials" in page.render(report)


def test_thousands_of_trials_are_cut_with_a_word() -> None:
    text = page.render(samples.many_trials())
    assert "4,000 more of 5,000: all of them are in trials.parquet in the store." in text
    assert len(text) < 1_500_000


def test_the_command_that_rolls_back_is_a_line_that_can_be_pasted() -> None:
    text = html.unescape(page.render(samples.promote()))
    (command,) = re.findall(r"To roll back</h3>.*?<pre>(.*?)</pre>", text, re.DOTALL)
    assert command.startswith("git revert $(git log"), "a remark before it, on one line, would make a remark of it all"
    assert command.endswith(")")
    assert "\n" not in command


def test_the_manifests_diff_is_shown_as_it_is() -> None:
    diff = "--- a/x.yaml\n+++ b/x.yaml\n-    traffic: 100\n+    traffic: <b>90</b>\u202e\n"
    text = page.render(samples.promote(manifest_diff=diff, data_digest="sha256:0123"))
    shown = re.search(r"What changes in gitops/</summary>\s*<pre>(.*?)</pre>", text, re.DOTALL)
    assert shown is not None
    assert html.unescape(shown[1]) == diff.replace("\u202e", "\ufffd").rstrip()
    assert "<b>90" not in text
    assert "sha256:0123" in text
    assert "What changes in gitops/" not in page.render(replace(samples.inconclusive(), manifest_diff=diff))
