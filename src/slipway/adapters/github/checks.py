"""Check runs: made once, told again, and cut to what GitHub takes.

https://docs.github.com/en/rest/checks/runs: 50 annotations a request, each adding to those before; a summary of
65,535 characters; an annotation's message of 64 KB and its title of 255 characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from slipway.adapters.github.documents import CheckRun, CheckRuns
from slipway.adapters.github.line import Line, Request
from slipway.forge.interface import Annotation, Check

BATCH = 50
_SUMMARY, _MESSAGE, _TITLE = 65_535, 64_000, 255
_CUT = "\n\n… cut here: GitHub shows no more of it."


@dataclass(frozen=True, kw_only=True)
class Checks:
    """The check runs of a repository."""

    line: Line = field(repr=False)
    login: str
    """Only one's own can be changed."""

    def tell(self, check: Check) -> None:
        """Make a check run, or bring the one of this name, commit and `external_id` up to date.

        Annotations are only ever added, so those that it has already are not sent again.
        """
        run = self._find(check)
        told = run.output.annotations_count if run else 0
        while True:
            batch = check.annotations[told : told + BATCH]
            run = self._update(run.id, told, payload(check, batch)) if run else self._create(check, batch)
            told = max(told + len(batch), run.output.annotations_count)
            if told >= len(check.annotations):
                return

    @property
    def _path(self) -> str:
        return f"/repos/{self.line.settings.repository}"

    def _find(self, check: Check) -> CheckRun | None:
        pages = self.line.pages(
            f"{self._path}/commits/{check.head}/check-runs",
            CheckRuns,
            doing=f"read the check runs of {check.head}",
            needs="checks=read",
            check_name=check.name,
            filter="all",
        )
        return next((run for page in pages for run in page.check_runs if self._is(run, check)), None)

    def _is(self, run: CheckRun, check: Check) -> bool:
        is_own = run.app is None or run.app.slug is None or f"{run.app.slug}[bot]" == self.login
        return is_own and run.external_id == check.external_id

    def _create(self, check: Check, batch: Sequence[Annotation]) -> CheckRun:
        request = Request(
            method="POST",
            path=f"{self._path}/check-runs",
            doing="make a check run",
            needs="checks=write",
            body=payload(check, batch) | {"head_sha": check.head},
            may_repeat=False,
        )
        return self.line.create(request, CheckRun, lambda: self._find(check))

    def _update(self, run: int, told: int, body: Mapping[str, Any]) -> CheckRun:
        path = f"{self._path}/check-runs/{run}"
        request = Request(
            method="PATCH",
            path=path,
            doing="update a check run",
            needs="checks=write",
            body=body,
            may_repeat="annotations" not in body["output"],
        )

        def find() -> CheckRun | None:
            found = self.line.get(path, CheckRun, doing="read a check run", needs="checks=read")
            return found if found.output.annotations_count > told else None

        return self.line.create(request, CheckRun, find)


def payload(check: Check, annotations: Sequence[Annotation]) -> dict[str, Any]:
    """A check run as GitHub takes it, with some of its annotations."""
    output: dict[str, Any] = {"title": cut(check.title, _TITLE), "summary": cut(check.summary, _SUMMARY)}
    if annotations:
        output["annotations"] = [_annotation(one) for one in annotations]
    told: dict[str, Any] = {"name": check.name, "external_id": check.external_id, "output": output}
    if check.url:
        told["details_url"] = check.url
    if check.conclusion is None:
        return told | {"status": "in_progress"}
    return told | {"status": "completed", "conclusion": check.conclusion.value}


def _annotation(one: Annotation) -> dict[str, Any]:
    title = {"title": cut(one.title, _TITLE)} if one.title else {}
    line = max(one.line, 1)
    place = {"path": one.path, "start_line": line, "end_line": line}
    return place | {"annotation_level": one.level.value, "message": cut(one.message, _MESSAGE) or "-"} | title


def cut(text: str, limit: int) -> str:
    """At most so many bytes, and a word where something was left out."""
    content = text.encode()
    if len(content) <= limit:
        return text
    end = _CUT if limit > _TITLE else " …"
    return content[: limit - len(end.encode())].decode(errors="ignore") + end
