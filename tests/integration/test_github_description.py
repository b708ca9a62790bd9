"""Every request of the GitHub adapter, held against GitHub's published description of its API."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.github_server.description import described, parameters, prism

from slipway.adapters.github import GitHub, connect
from slipway.adapters.github.administration import Administration
from slipway.adapters.github.download import Download
from slipway.adapters.github.merging import Merging
from slipway.adapters.github.refusals import RefusedError
from slipway.errors import OutsideError
from slipway.forge.interface import Annotation, Artifact, Check, Conclusion, Issue, Level, Pull

REPOSITORY = "/repos/{owner}/{repo}"
PATHS = [
    "/user",
    REPOSITORY,
    f"{REPOSITORY}/pulls",
    f"{REPOSITORY}/pulls/{{pull_number}}",
    f"{REPOSITORY}/pulls/{{pull_number}}/merge",
    f"{REPOSITORY}/commits/{{commit_sha}}/pulls",
    f"{REPOSITORY}/commits/{{ref}}/check-runs",
    f"{REPOSITORY}/check-runs",
    f"{REPOSITORY}/check-runs/{{check_run_id}}",
    f"{REPOSITORY}/issues",
    f"{REPOSITORY}/issues/{{issue_number}}",
    f"{REPOSITORY}/issues/{{issue_number}}/comments",
    f"{REPOSITORY}/issues/comments/{{comment_id}}",
    f"{REPOSITORY}/actions/runs/{{run_id}}",
    f"{REPOSITORY}/actions/runs/{{run_id}}/artifacts",
    f"{REPOSITORY}/actions/artifacts/{{artifact_id}}/{{archive_format}}",
]
SETTINGS = (
    "rules/branches/{branch}",
    "rulesets/{ruleset_id}",
    "environments",
    "environments/{environment_name}/deployment-branch-policies",
    "environments/{environment_name}/secrets",
    "environments/{environment_name}/variables",
    "actions/secrets",
    "actions/organization-secrets",
    "actions/variables",
    "actions/organization-variables",
    "actions/permissions",
    "actions/permissions/selected-actions",
    "actions/permissions/workflow",
    "actions/permissions/fork-pr-contributor-approval",
    "codeowners/errors",
)
PATHS += [f"{REPOSITORY}/{path}" for path in SETTINGS]
HEAD = "ab" * 20
REMARKS = tuple(
    Annotation(path="data/toy/train.csv", line=n, level=Level.WARNING, message="m", title="t") for n in range(1, 120)
)
CHECK = Check(
    name="slipway",
    head=HEAD,
    title="t",
    summary="s",
    url="https://run.example",
    external_id="9.1",
    conclusion=Conclusion.NEUTRAL,
    annotations=REMARKS,
)
ARTIFACT = Artifact(id=11, name="slipway-plan", size=1)
PULL = Pull(
    number=7, head=HEAD, head_repository="octocat/Hello-World", head_branch="b", base_branch="main", is_open=True
)
ISSUE = Issue(number=7, is_open=True, url="https://github.example/7", title="", body="")


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return described(PATHS)


@pytest.fixture(scope="module")
def address(description: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prism(description, tmp_path_factory.mktemp("prism")) as address:
        yield address


@pytest.fixture
def forge(address: str) -> GitHub:
    environ = {"GITHUB_API_URL": address, "GITHUB_REPOSITORY": "octocat/Hello-World", "GITHUB_TOKEN": "ghp_mine"}

    def never(seconds: float) -> None:
        raise AssertionError(f"{seconds} s of patience with a server that is up")

    return connect(environ, sleep=never)


def merged(forge: GitHub) -> str:
    pull = forge.pull(1)
    assert pull
    return Merging(line=forge.line)._merge(pull, "rebase")


def closed_check(forge: GitHub) -> None:
    forge.check(CHECK)
    forge.check(Check(name="slipway", head=HEAD, title="t", summary="s", url="", external_id=""))


ASKED: dict[str, Callable[[GitHub], object]] = {
    "login": lambda forge: forge.login,
    "pull": lambda forge: forge.pull(7),
    "pulls_from": lambda forge: list(forge.pulls_from("octocat/Hello-World", "new-topic")),
    "pulls_of_commit": lambda forge: list(forge.pulls_of_commit(HEAD)),
    "pull_of_branch": lambda forge: forge.pull_of_branch("new-topic"),
    "open_pull": lambda forge: forge.open_pull("slipway/production/toy", "main", "release(toy): 1", "why"),
    "pulls_of_branch": lambda forge: list(forge.pulls_of_branch("new-topic")),
    "edit_pull": lambda forge: forge.edit_pull(PULL, title="Newer data", body="why"),
    "close_pull": lambda forge: forge.close_pull(PULL, body="why"),
    "issues": lambda forge: list(forge.issues("slipway-watch")),
    "open_issue": lambda forge: forge.open_issue("slipway-watch", "Drift", "why"),
    "edit_issue": lambda forge: forge.edit_issue(ISSUE, title="Drift", body="why"),
    "close_issue": lambda forge: forge.close_issue(ISSUE, body="why"),
    "merge": merged,
    "is_merged": lambda forge: Merging(line=forge.line)._is_merged(PULL),
    "methods": lambda forge: list(Merging(line=forge.line)._methods()),
    "run": lambda forge: forge.run(30433642),
    "artifacts": lambda forge: list(forge.artifacts(30433642)),
    "download": lambda forge: Download(line=forge.line, artifact=ARTIFACT, limit=1)._address(),
    "comments": lambda forge: list(forge.comments(7)),
    "comment": lambda forge: forge.comment(7, "hello"),
    "edit": lambda forge: forge.edit(1, "hello"),
    "delete": lambda forge: forge.delete(1),
    "check": closed_check,
}


def administration(name: str, *arguments: object) -> Callable[[GitHub], object]:
    return lambda forge: getattr(Administration(line=forge.line), name)(*arguments)


ARGUMENTS: dict[str, list[object]] = {"rules": ["main"], "passing": [[42]]}
SEEN = {
    name: administration(name, *ARGUMENTS.get(name, ["release"] if name.endswith("_of") else []))
    for name in dir(Administration)
    if not name.startswith("_") and name != "line"
}


@pytest.mark.parametrize("ask", [*ASKED.values(), *SEEN.values()], ids=[*ASKED, *SEEN])
def test_github_takes_it_and_its_answer_is_understood(
    forge: GitHub, description: dict[str, Any], ask: Callable[[GitHub], object], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="httpx"):
        ask(forge)
    asked = re.findall(r"HTTP Request: (\w+) (\S+) \"HTTP/1.1 (\d+)", caplog.text)
    assert asked
    for method, url, status in asked:
        parts = urlsplit(url)
        assert int(status) < 400
        assert {name for name, _ in parse_qsl(parts.query)} <= parameters(description, method, parts.path)


def test_the_server_does_refuse_what_is_wrong(forge: GitHub) -> None:
    """Else the test above would hold nothing."""
    from slipway.adapters.github.line import Request

    with pytest.raises(RefusedError):
        forge.line.send(
            Request(
                method="POST",
                path="/repos/octocat/Hello-World/check-runs",
                doing="make a check run",
                needs="",
                body={"name": "slipway"},
            )
        )
    with pytest.raises(OutsideError, match="nothing there"):
        forge.line.send(Request(method="GET", path="/repos/octocat/Hello-World/nothing", doing="look", needs=""))


def test_what_is_asked_covers_all_that_the_adapter_can_do() -> None:
    can = {name for name in dir(GitHub) if not name.startswith("_")}
    assert can - {"line", "repository", "settings", "sleep", "tries", "merge_when_ready"} <= set(ASKED)
