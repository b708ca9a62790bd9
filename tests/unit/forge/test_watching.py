"""What is an answer to a proposal: each row the branch's pull requests, the newest first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slipway.forge.interface import Pull
from slipway.forge.watching import Answered, How, answered
from slipway.watch.marker import Marker, written

HEAD, OTHER = "a" * 40, "b" * 40
ABOUT = Marker.of("toy", ["state", "checksum"])


def pull(number: int, about: str, *, is_over: bool = False) -> Pull:
    marker = replace(Marker.of("toy", [about]), is_over=is_over)
    return Pull(
        number=number,
        head=OTHER,
        head_repository="acme/models",
        head_branch="slipway/watch/toy",
        base_branch="main",
        is_open=False,
        url=f"#{number}",
        body=written(marker, "text"),
    )


def merged(one: Pull) -> Pull:
    return replace(one, is_merged=True)


def opened(one: Pull) -> Pull:
    return replace(one, is_open=True)


SAME, OTHERS = pull(1, "state"), pull(2, "others")
CLOSED, MERGED = Answered(url="#1"), Answered(url="#1", how=How.MERGED)


@pytest.mark.parametrize(
    ("pulls", "expected"),
    [
        ([], None),
        ([SAME], CLOSED),
        ([pull(1, "checksum")], CLOSED),
        ([pull(1, "others")], None),
        ([opened(SAME)], None),
        ([pull(1, "state", is_over=True)], None),
        ([replace(SAME, body="a person's text", head=HEAD)], CLOSED),
        ([replace(SAME, body="a person's text")], None),
        ([merged(SAME)], MERGED),
        ([OTHERS, merged(SAME)], MERGED),
        ([opened(OTHERS), merged(SAME)], MERGED),
        ([merged(OTHERS), merged(SAME)], None),
        ([merged(pull(3, "checksum")), merged(OTHERS), merged(SAME)], Answered(url="#3", how=How.MERGED)),
        ([merged(OTHERS), SAME], CLOSED),
        ([merged(OTHERS), merged(replace(SAME, body="a person's text", head=HEAD))], None),
    ],
)
def test_what_is_an_answer(pulls: list[Pull], expected: Answered | None) -> None:
    assert answered(pulls, ABOUT, HEAD) == expected
