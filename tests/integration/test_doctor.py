"""`slipway doctor` against a GitHub of the tests' own, and on this machine."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.endpoints import fake, http, says
from tests.github_server import FakeGitHub

from slipway.adapters.git import Git
from slipway.commands.doctor import doctor
from slipway.doctor import machine, workflows
from slipway.doctor.facts import Tried
from slipway.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub.serve() as github:
        yield github


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """With this repository's own workflows."""
    repo = workspace.settings.repo
    shutil.copytree(ROOT / ".github", repo / ".github")
    (repo / ".github" / "CODEOWNERS").write_text("* @acme/everyone\n")
    settings = replace(workspace.settings, registry="ghcr.io/acme", builder="ghcr.io/acme/b@sha256:1", landing="branch")
    return replace(workspace, settings=settings)


def well(server: FakeGitHub) -> None:
    """Set everything as the workflows ask for it."""
    found = workflows.read(ROOT)
    secrets = sorted(set().union(*(job.secrets for job in found.jobs)))
    variables = sorted(set().union(*(job.variables for job in found.jobs)))
    policy = {"protected_branches": False, "custom_branch_policies": True}
    environments = [{"name": name, "deployment_branch_policy": policy} for name in found.environments]
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text())
    server.state.settings = {
        "/rules/branches/main": [rule | {"ruleset_id": 4} for rule in ruleset["rules"]],
        "/rulesets/4": ruleset,
        "/environments": {"total_count": len(environments), "environments": environments},
        "/actions/secrets": {"secrets": []},
        "/actions/organization-secrets": {"secrets": []},
        "/actions/variables": {"variables": [{"name": name} for name in variables]},
        "/actions/permissions": {"enabled": True, "allowed_actions": "all"},
        "/actions/permissions/workflow": {
            "default_workflow_permissions": "read",
            "can_approve_pull_request_reviews": True,
        },
        "/actions/permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
        "/codeowners/errors": {"errors": []},
    }
    for name in found.environments:
        place = f"/environments/{name}"
        server.state.settings |= {
            f"{place}/deployment-branch-policies": {"branch_policies": [{"name": "main"}]},
            f"{place}/secrets": {"secrets": [{"name": secret} for secret in secrets]},
            f"{place}/variables": {"variables": []},
        }


def told(workspace: Workspace, environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = doctor(workspace, environ, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def test_a_repository_that_lacks_nothing(
    workspace: Workspace, server: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    well(server)
    code, document = told(workspace, server.environ(), capsys)
    odd = [one for one in document["findings"] if one["area"] != "this machine" and one["state"] != "ok"]
    assert [one["name"] for one in odd] == ["gitops"], "the first release makes it"
    assert (code, document["healthy"]) == (0, True)


@pytest.mark.parametrize(
    ("actors", "state"), [([{"actor_type": "DeployKey"}], "ok"), ([], "missing"), (None, "unknown")]
)
def test_whom_mains_rules_let_pass(
    workspace: Workspace,
    server: FakeGitHub,
    capsys: pytest.CaptureFixture[str],
    actors: list[dict[str, str]] | None,
    state: str,
) -> None:
    well(server)
    server.state.settings["/rulesets/4"] = {"bypass_actors": actors}
    pushing = replace(workspace, settings=replace(workspace.settings, landing="push"))
    _, document = told(pushing, server.environ(), capsys)
    assert {one["name"]: one["state"] for one in document["findings"]}["who releases"] == state


def test_what_the_token_may_not_see_is_unknown_with_its_permission(
    workspace: Workspace, server: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = told(workspace, server.environ(), capsys)
    found = {one["name"]: one for one in document["findings"] if one["area"] == "GitHub"}
    assert found["default permissions"]["state"] == "unknown"
    assert "permissions: { administration: read }" in found["default permissions"]["how"]
    assert "environments: read" in found["AWS_SECRET_ACCESS_KEY (release)"]["how"]
    assert code == 0


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "GITHUB_TOKEN is not set"),
        (
            {"GITHUB_TOKEN": "x", "GITHUB_REPOSITORY": "a/b", "GITHUB_API_URL": "http://127.0.0.1:9"},
            "cannot be reached",
        ),
    ],
)
def test_without_a_token_or_a_network_it_says_so(
    workspace: Workspace, environ: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = told(workspace, environ, capsys)
    (github,) = (one for one in document["findings"] if one["area"] == "GitHub")
    assert (github["state"], code) == ("unknown", 0)
    assert said in github["what"]
    assert github["how"]


def test_a_clone_of_githubs_knows_its_repository(workspace: Workspace, server: FakeGitHub, repository: Git) -> None:
    from slipway.doctor import hub

    for url in (
        "https://github.com/acme/models.git",
        "git@github.com:acme/models.git",
        "https://github.com/acme/models",
    ):
        repository.run("remote", "add", "origin", url)
        assert hub._with_repository({}, workspace.git)["GITHUB_REPOSITORY"] == "acme/models"
        repository.run("remote", "remove", "origin")
    repository.run("remote", "add", "origin", "https://gitlab.example/acme/models")
    assert "GITHUB_REPOSITORY" not in hub._with_repository({}, workspace.git), "the token is for GitHub alone"
    assert hub._with_repository(server.environ(), workspace.git) == server.environ()


def test_people_read_it_by_where_things_are_set(
    workspace: Workspace, server: FakeGitHub, capsys: pytest.CaptureFixture[str]
) -> None:
    well(server)
    server.state.auto_merge = False
    assert doctor(workspace, server.environ(), as_json=False) == 1
    text = capsys.readouterr().out
    places = [text.index(f"{part}\n") for part in ("This machine", "This repository", "GitHub")]
    assert places == sorted(places)
    assert "missing   auto-merge" in text
    assert "-> gh repo edit acme/models --enable-auto-merge" in text
    assert "1 necessary thing is missing." in text


class TestMachine:
    def test_a_store_is_tried_and_stays_as_it_was(self, workspace: Workspace) -> None:
        for _ in range(2):
            found = machine.gather(workspace.settings, workspace.store, {})
            assert found.store.works
        assert [path.name for path in Path(workspace.settings.store).iterdir()] == ["_doctor"]

    def test_a_store_that_cannot_be_written(self, workspace: Workspace, tmp_path: Path) -> None:
        from slipway.adapters.store import open_store

        file = tmp_path / "file"
        file.touch()
        settings = replace(workspace.settings, store=str(file))
        assert machine.gather(settings, open_store(str(file)), {}).store.works is False

    @pytest.mark.parametrize(
        ("answer", "works"),
        [
            (http("OK"), True),
            (http("who are you?", "401 Unauthorized"), True),
            (http("", "404 Not Found"), False),
            (http("", "503 Service Unavailable"), False),
            (b"SSH-2.0\r\n\r\n", False),
        ],
    )
    def test_mlflow_is_asked(self, answer: bytes, *, works: bool) -> None:
        with fake(says(answer)) as server:
            uri = server.url.replace("//", "//user:s3cret@") + "/mlflow"
            tried = machine._tracking(server.url)
            shown = machine._tracking(uri)
        assert tried.works is works
        assert "s3cret" not in shown.what

    @pytest.mark.parametrize(
        ("answer", "works"),
        [
            (http('{"status": "success", "data": {"resultType": "vector", "result": []}}'), True),
            (http("404 page not found", "404 Not Found"), False),
            (http("<html>"), False),
        ],
    )
    def test_prometheus_is_asked(self, workspace: Workspace, answer: bytes, *, works: bool) -> None:
        with fake(says(answer)) as server:
            settings = replace(workspace.settings, prometheus=server.url)
            tried = machine.gather(settings, workspace.store, {}).prometheus
        assert tried.works is works
        assert server.url in tried.what

    def test_without_a_prometheus_it_is_said_who_wants_one(self, workspace: Workspace) -> None:
        tried = machine.gather(workspace.settings, workspace.store, {}).prometheus
        assert (tried.works, "settle and watch" in tried.what) == (False, True)
        assert "SLIPWAY_PROMETHEUS" in tried.how

    def test_data_beyond_git_are_looked_for(self, workspace: Workspace, tmp_path: Path) -> None:
        repo = workspace.settings.repo
        assert machine._data(workspace.settings, {}) is None, "Git has them all"
        content = (repo / "data/toy/train.csv").read_bytes()
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        (repo / "data/toy/train.csv.dvc").write_text(f"outs:\n- md5: {md5}\n  hash: md5\n  path: train.csv\n")
        tried = machine._data(workspace.settings, {})
        assert tried is not None
        assert tried.works is False
        assert "dvc remote add" in tried.how
        (repo / ".dvc").mkdir()
        (repo / ".dvc/config").write_text(f"[core]\n    remote = k\n['remote \"k\"']\n    url = {tmp_path}/kept\n")
        tried = machine._data(workspace.settings, {})
        assert tried == Tried(
            works=False,
            what=f"{tmp_path}/kept does not have data/toy/train.csv",
            how="Whoever has the file sends it there: slipway data push MODEL, or dvc push.",
        )
        file = tmp_path / "kept/files/md5" / md5[:2] / md5[2:]
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
        tried = machine._data(workspace.settings, {})
        assert tried == Tried(works=True, what=f"{tmp_path}/kept has what 1 pointer of data/ names")

    def test_what_cannot_be_tried_from_here_is_unknown(self) -> None:
        assert machine._tracking("postgresql://user:s3cret@db/mlflow").works is None
