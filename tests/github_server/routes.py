"""GitHub's paths below a repository, and what each does to the state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.github_server import answers
from tests.github_server.answers import Json
from tests.github_server.state import Check, State

BATCH = 50
"""Annotations that one request may bring."""
LONGEST_COMMENT, LONGEST_SUMMARY, LONGEST_TITLE = 65_536, 65_535, 255


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, as far as routes care."""

    state: State
    login: str
    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Json


@dataclass(frozen=True)
class Answer:
    """A status and a document; a list is cut into pages, with `within` as the field that holds it."""

    status: int
    document: Any = None
    within: str = ""
    location: str = ""


def message(status: int, text: str) -> Answer:
    return Answer(status, {"message": text, "documentation_url": "https://docs.github.com/rest", "status": str(status)})


MISSING = message(404, "Not Found")
REFUSED = message(403, "Resource not accessible by integration")


def _user(asked: Asked) -> Answer:
    return REFUSED if asked.login.endswith("[bot]") else Answer(200, answers.user(asked.login))


def _repository(asked: Asked) -> Answer:
    return Answer(200, answers.whole_repository(asked.state))


def _pulls(asked: Asked) -> Answer:
    wanted, head = asked.query.get("state", "open"), asked.query.get("head", "")
    found = [answers.pull(asked.state, pull) for pull in asked.state.pulls.values()]
    found = [pull for pull in found if wanted in {"all", pull["state"]}]
    if ":" in head:  # GitHub passes over a head without an owner
        found = [pull for pull in found if pull["head"]["label"] == head]
    return Answer(200, found[::-1])


def _open_pull(asked: Asked) -> Answer:
    state, body = asked.state, asked.body
    if any(pull.branch == body["head"] and pull.is_open for pull in state.pulls.values()):
        return message(422, "A pull request already exists for it.")
    pull = state.open_pull(branch=body["head"], base=body["base"], title=body["title"], body=body.get("body") or "")
    return Answer(201, answers.pull(state, pull))


def _pull(asked: Asked) -> Answer:
    pull = asked.state.pulls.get(int(asked.ids[0]))
    return Answer(200, answers.pull(asked.state, pull)) if pull else MISSING


def _edit_pull(asked: Asked) -> Answer:
    pull = asked.state.pulls.get(int(asked.ids[0]))
    if pull is None:
        return MISSING
    if len(asked.body.get("body") or "") > LONGEST_COMMENT:
        return message(422, "Validation Failed: body is too long")
    pull.title, pull.body = asked.body.get("title", pull.title), asked.body.get("body", pull.body)
    pull.is_open = asked.body.get("state", "open" if pull.is_open else "closed") == "open"
    return Answer(200, answers.pull(asked.state, pull))


def _issues(asked: Asked) -> Answer:
    """Issues and pull requests, the newest first."""
    state, query = asked.state, asked.query
    wanted = {name for name in query.get("labels", "").split(",") if name}
    issues = [one for one in state.issues.values() if wanted <= set(one.labels)]
    if creator := query.get("creator"):
        issues = [one for one in issues if one.author == creator]
    found = [answers.issue(state, one) for one in issues]
    found += [] if wanted else [answers.pull_as_issue(state, one) for one in state.pulls.values()]
    shown = [one for one in found if query.get("state", "open") in {"all", one["state"]}]
    return Answer(200, sorted(shown, key=lambda one: -one["number"]))


def _open_issue(asked: Asked) -> Answer:
    body = asked.body
    if len(body.get("body") or "") > LONGEST_COMMENT:
        return message(422, "Validation Failed: body is too long")
    labels = tuple(body.get("labels", ()))
    issue = asked.state.open_issue(asked.login, body["title"], body.get("body") or "", labels)
    return Answer(201, answers.issue(asked.state, issue))


def _edit_issue(asked: Asked) -> Answer:
    issue = asked.state.issues.get(int(asked.ids[0]))
    if issue is None:
        return MISSING
    if len(asked.body.get("body") or "") > LONGEST_COMMENT:
        return message(422, "Validation Failed: body is too long")
    issue.title, issue.body = asked.body.get("title", issue.title), asked.body.get("body", issue.body)
    issue.is_open = asked.body.get("state", "open" if issue.is_open else "closed") == "open"
    issue.reason = asked.body.get("state_reason", issue.reason)
    return Answer(200, answers.issue(asked.state, issue))


def _is_merged(asked: Asked) -> Answer:
    pull = asked.state.pulls.get(int(asked.ids[0]))
    return Answer(204) if pull and pull.is_merged else MISSING


def _merge(asked: Asked) -> Answer:
    pull = asked.state.pulls[int(asked.ids[0])]
    if not pull.is_open:
        return message(405, "Pull Request is not mergeable")
    if asked.body["merge_method"] not in asked.state.merges:
        return message(405, "Merge method is not allowed on this repository")
    if asked.body["sha"] != pull.head:
        return message(409, "Head branch was modified. Review and try the merge again.")
    asked.state.merge(pull, pull.head)
    return Answer(200, {"merged": True, "sha": pull.head, "message": "Pull Request successfully merged"})


def _pulls_of_commit(asked: Asked) -> Answer:
    """Merged and open ones alone: GitHub lists none here that was closed."""
    pulls = [pull for pull in asked.state.pulls.values() if asked.ids[0] in pull.commits]
    return Answer(200, [answers.pull(asked.state, pull) for pull in pulls if pull.is_open or pull.is_merged])


def _comments(asked: Asked) -> Answer:
    found = [one for one in asked.state.comments.values() if one.pull == int(asked.ids[0])]
    return Answer(200, [answers.comment(asked.state, one) for one in found])


def _comment(asked: Asked) -> Answer:
    pull = asked.state.pulls.get(int(asked.ids[0]))
    if pull is None:
        return MISSING
    if len(asked.body["body"]) > LONGEST_COMMENT:
        return message(422, "Validation Failed: body is too long")
    return Answer(201, answers.comment(asked.state, asked.state.say(pull, asked.login, asked.body["body"])))


def _edit(asked: Asked) -> Answer:
    comment = asked.state.comments.get(int(asked.ids[0]))
    if comment is None:
        return MISSING
    if len(asked.body["body"]) > LONGEST_COMMENT:
        return message(422, "Validation Failed: body is too long")
    comment.body = asked.body["body"]
    return Answer(200, answers.comment(asked.state, comment))


def _delete(asked: Asked) -> Answer:
    return Answer(204) if asked.state.comments.pop(int(asked.ids[0]), None) else MISSING


def _run(asked: Asked) -> Answer:
    run = asked.state.runs.get(int(asked.ids[0]))
    return Answer(200, answers.run(asked.state, run)) if run else MISSING


def _artifacts(asked: Asked) -> Answer:
    found = [one for one in asked.state.artifacts.values() if one.run == int(asked.ids[0])]
    return Answer(200, [answers.artifact(asked.state, one) for one in found], within="artifacts")


def _archive(asked: Asked) -> Answer:
    artifact = asked.state.artifacts.get(int(asked.ids[0]))
    if artifact is None:
        return MISSING
    if artifact.expired:
        return message(410, "Artifact has expired")
    return Answer(302, location=f"/blobs/{artifact.id}?sig=s1gned")


def _checks(asked: Asked) -> Answer:
    name = asked.query.get("check_name")
    found = [one for one in asked.state.checks_of(asked.ids[0]) if name in {None, one.name}]
    return Answer(200, [answers.check(asked.state, one) for one in found[::-1]], within="check_runs")


def _check(asked: Asked) -> Answer:
    check = asked.state.checks.get(int(asked.ids[0]))
    return Answer(200, answers.check(asked.state, check)) if check else MISSING


def _create_check(asked: Asked) -> Answer:
    if fault := _wrong_check(asked.body):
        return message(422, fault)
    state, body = asked.state, asked.body
    check = Check(
        id=state.new_id(),
        name=body["name"],
        head=body["head_sha"],
        app=asked.login.removesuffix("[bot]"),
        external_id=body.get("external_id", ""),
        status=body.get("status", "queued"),
        conclusion=None,
        title="",
        summary="",
        url="",
    )
    state.checks[check.id] = check
    _tell(check, body)
    return Answer(201, answers.check(state, check))


def _update_check(asked: Asked) -> Answer:
    check = asked.state.checks.get(int(asked.ids[0]))
    if check is None:
        return MISSING
    if fault := _wrong_check(asked.body):
        return message(422, fault)
    if check.app != asked.login.removesuffix("[bot]"):
        return message(403, "Invalid app_id - check run can only be modified by the GitHub App that created it.")
    _tell(check, asked.body)
    return Answer(200, answers.check(asked.state, check))


def _wrong_check(body: Json) -> str:
    output = body.get("output", {})
    if len(output.get("annotations", ())) > BATCH:
        return "Invalid request: no more than 50 annotations"
    if len(output.get("summary", "")) > LONGEST_SUMMARY:
        return "Invalid request: summary is too long"
    if any(len(one.get("title", "")) > LONGEST_TITLE for one in output.get("annotations", ())):
        return "Invalid request: an annotation's title is too long"
    return ""


def _tell(check: Check, body: Json) -> None:
    """GitHub adds annotations to those that are there, and replaces all else that is told."""
    output = body.get("output", {})
    check.status = "completed" if body.get("conclusion") else body.get("status", check.status)
    check.conclusion = body.get("conclusion", check.conclusion)
    check.title = output.get("title", check.title)
    check.summary = output.get("summary", check.summary)
    check.url = body.get("details_url", check.url)
    check.annotations += output.get("annotations", ())


def _graphql(asked: Asked) -> Answer:
    if "enablePullRequestAutoMerge" not in asked.body["query"]:
        return Answer(200, {"data": {"viewer": {"login": asked.login}}})
    number = int(asked.body["variables"]["pull"].removeprefix("PR_"))
    if not asked.state.auto_merge:
        return _graphql_error("Auto merge is not allowed for this repository")
    if asked.state.is_ready:
        return _graphql_error("Pull request Pull request is in clean status")
    asked.state.pulls[number].merges_itself = True
    return Answer(200, {"data": {"enablePullRequestAutoMerge": {"clientMutationId": None}}})


def _graphql_error(text: str) -> Answer:
    error = {"type": "UNPROCESSABLE", "path": ["enablePullRequestAutoMerge"], "message": text}
    return Answer(200, {"data": {"enablePullRequestAutoMerge": None}, "errors": [error]})


@dataclass(frozen=True)
class Route:
    """A method and a path, what is done, and the permission that it takes."""

    method: str
    path: re.Pattern[str]
    act: Callable[[Asked], Answer]
    permission: str = "metadata=read"


def _route(method: str, path: str, act: Callable[[Asked], Answer], permission: str = "metadata=read") -> Route:
    return Route(method, re.compile(path.replace("{}", "([^/]+)") + "$"), act, permission)


ROUTES = (
    _route("GET", "/user", _user, ""),
    _route("POST", "/graphql", _graphql, ""),
    _route("GET", "", _repository),
    _route("GET", "/pulls", _pulls, "pull_requests=read"),
    _route("POST", "/pulls", _open_pull, "pull_requests=write"),
    _route("GET", "/pulls/{}", _pull, "pull_requests=read"),
    _route("PATCH", "/pulls/{}", _edit_pull, "pull_requests=write"),
    _route("GET", "/issues", _issues, "issues=read"),
    _route("POST", "/issues", _open_issue, "issues=write"),
    _route("PATCH", "/issues/{}", _edit_issue, "issues=write"),
    _route("GET", "/pulls/{}/merge", _is_merged, "pull_requests=read"),
    _route("PUT", "/pulls/{}/merge", _merge, "contents=write"),
    _route("GET", "/commits/{}/pulls", _pulls_of_commit, "pull_requests=read"),
    _route("GET", "/issues/{}/comments", _comments, "issues=read; pull_requests=read"),
    _route("POST", "/issues/{}/comments", _comment, "issues=write; pull_requests=write"),
    _route("PATCH", "/issues/comments/{}", _edit, "issues=write; pull_requests=write"),
    _route("DELETE", "/issues/comments/{}", _delete, "issues=write; pull_requests=write"),
    _route("GET", "/actions/runs/{}", _run, "actions=read"),
    _route("GET", "/actions/runs/{}/artifacts", _artifacts, "actions=read"),
    _route("GET", "/actions/artifacts/{}/zip", _archive, "actions=read"),
    _route("GET", "/commits/{}/check-runs", _checks, "checks=read"),
    _route("GET", "/check-runs/{}", _check, "checks=read"),
    _route("POST", "/check-runs", _create_check, "checks=write"),
    _route("PATCH", "/check-runs/{}", _update_check, "checks=write"),
)
