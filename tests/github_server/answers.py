"""What GitHub answers, as JSON: of each thing the fields that its documentation names, and that clients read."""

from __future__ import annotations

from typing import Any

from tests.github_server.state import Artifact, Check, Comment, Issue, Pull, Run, State

type Json = dict[str, Any]

WEB = "https://github.example"


def user(login: str | None) -> Json | None:
    if login is None:
        return None
    return {"login": login, "id": len(login), "type": "Bot" if login.endswith("[bot]") else "User"}


def repository(full_name: str) -> Json:
    owner, _, name = full_name.partition("/")
    return {"id": 1, "name": name, "full_name": full_name, "owner": user(owner), "html_url": f"{WEB}/{full_name}"}


def whole_repository(state: State) -> Json:
    return repository(state.repository) | {
        "private": state.private,
        "visibility": "private" if state.private else "public",
        "default_branch": "main",
        "allow_auto_merge": state.auto_merge,
        "allow_merge_commit": "merge" in state.merges,
        "allow_rebase_merge": "rebase" in state.merges,
        "allow_squash_merge": "squash" in state.merges,
    }


def pull(state: State, one: Pull) -> Json:
    head = repository(one.repository) if one.repository else None
    owner = one.repository.partition("/")[0] if one.repository else "ghost"
    return {
        "id": 5000 + one.number,
        "node_id": f"PR_{one.number}",
        "number": one.number,
        "state": "open" if one.is_open else "closed",
        "title": one.title,
        "body": one.body,
        "html_url": f"{WEB}/{state.repository}/pull/{one.number}",
        "head": {"ref": one.branch, "sha": one.head, "label": f"{owner}:{one.branch}", "repo": head},
        "base": {"ref": one.base, "sha": "0" * 40, "repo": repository(state.repository)},
        "merged_at": "2026-01-31T12:00:00Z" if one.is_merged else None,
        "auto_merge": {"merge_method": "merge"} if one.merges_itself else None,
    }


def issue(state: State, one: Issue) -> Json:
    return {
        "id": 7000 + one.number,
        "number": one.number,
        "state": "open" if one.is_open else "closed",
        "state_reason": one.reason,
        "title": one.title,
        "body": one.body,
        "labels": [{"id": len(name), "name": name} for name in one.labels],
        "user": user(one.author),
        "html_url": f"{WEB}/{state.repository}/issues/{one.number}",
    }


def pull_as_issue(state: State, one: Pull) -> Json:
    """A pull request as GitHub lists it among the issues."""
    url = f"{WEB}/{state.repository}/pull/{one.number}"
    told = {"number": one.number, "state": "open" if one.is_open else "closed", "title": one.title, "body": one.body}
    return told | {"labels": [], "html_url": url, "pull_request": {"html_url": url}}


def comment(state: State, one: Comment) -> Json:
    return {
        "id": one.id,
        "body": one.body,
        "user": user(one.author),
        "html_url": f"{WEB}/{state.repository}/pull/{one.pull}#issuecomment-{one.id}",
    }


def run(state: State, one: Run) -> Json:
    return {
        "id": one.id,
        "name": "pull request",
        "head_branch": one.branch,
        "head_sha": one.head,
        "path": one.path,
        "run_attempt": one.attempt,
        "event": one.event,
        "status": one.status,
        "conclusion": one.conclusion,
        "html_url": f"{WEB}/{state.repository}/actions/runs/{one.id}",
        "head_repository": repository(one.repository) if one.repository else None,
        "pull_requests": [],
    }


def artifact(state: State, one: Artifact) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "size_in_bytes": len(one.content) if one.size is None else one.size,
        "expired": one.expired,
        "archive_download_url": f"{WEB}/{state.repository}/actions/artifacts/{one.id}/zip",
        "workflow_run": {"id": one.run},
    }


def check(state: State, one: Check) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "head_sha": one.head,
        "external_id": one.external_id,
        "status": one.status,
        "conclusion": one.conclusion,
        "details_url": one.url,
        "html_url": f"{WEB}/{state.repository}/runs/{one.id}",
        "output": {"title": one.title, "summary": one.summary, "annotations_count": len(one.annotations)},
        "app": {"id": 1, "slug": one.app, "name": one.app},
    }
