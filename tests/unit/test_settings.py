"""What the environment and pyproject.toml say, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import ExitCode, InputError
from slipway.settings import Reuse, Settings


def test_nothing_need_be_set(tmp_path: Path) -> None:
    settings = Settings.from_environ({}, repo=tmp_path)
    assert settings.store == str(tmp_path / ".slipway" / "store")
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/.slipway/mlflow.db"
    assert (settings.environment, settings.ray_address) == ("production", None)


def test_the_command_line_comes_before_the_environment(tmp_path: Path) -> None:
    environ = {"SLIPWAY_STORE": "s3://a/b", "MLFLOW_TRACKING_URI": "http://mlflow", "SLIPWAY_ENVIRONMENT": "staging"}
    assert Settings.from_environ(environ, repo=tmp_path).store == "s3://a/b"
    settings = Settings.from_environ(environ, repo=tmp_path, store="elsewhere")
    assert (settings.store, settings.tracking_uri, settings.environment) == ("elsewhere", "http://mlflow", "staging")


def test_the_workflow_that_runs_is_named_as_signatures_name_it(tmp_path: Path) -> None:
    """As `cosign verify --certificate-identity` takes it."""
    own = {
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_WORKFLOW_REF": "acme/models/.github/workflows/release.yml@refs/heads/main",
    }
    named = "https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main"
    assert Settings.from_environ(own, repo=tmp_path).workflow == named
    for missing in own:  # Tekton's steps have a GITHUB_REPOSITORY, and no workflow
        assert not Settings.from_environ({**own, missing: ""}, repo=tmp_path).workflow


def test_secrets_do_not_show(tmp_path: Path) -> None:
    environ = {"SLIPWAY_STORE": "s3://key:hunter2@host", "MLFLOW_TRACKING_URI": "https://user:hunter2@host"}
    assert "hunter2" not in repr(Settings.from_environ(environ, repo=tmp_path))


def test_a_builder_may_be_named_for_images(tmp_path: Path) -> None:
    assert Settings.from_environ({"SLIPWAY_BUILDER": ""}, repo=tmp_path).builder is None
    environ = {"SLIPWAY_BUILDER": "quay.example/builder@sha256:0"}
    assert Settings.from_environ(environ, repo=tmp_path).builder == "quay.example/builder@sha256:0"


BUILDER = f"quay.example/builder@sha256:{'1' * 64}"


def project(folder: Path, text: str) -> Settings:
    (folder / "pyproject.toml").write_text(text)
    return Settings.from_environ({}, repo=folder)


def test_the_repository_says_what_the_environment_leaves_open(tmp_path: Path) -> None:
    table = f"[tool.slipway]\nregistry = 'quay.example/team'\nbuilder = '{BUILDER}'\nlanding = 'branch'\n"
    found = project(tmp_path, f"[project]\nname = 'models'\n{table}[tool.slipway.reuse]\npull-requests = 'never'\n")
    assert (found.registry, found.builder, found.landing) == ("quay.example/team", BUILDER, "branch")
    assert found.reuse is Reuse.NEVER
    environ = {"SLIPWAY_REGISTRY": "other.example/x", "SLIPWAY_BUILDER": "b@sha256:0", "SLIPWAY_LANDING": "push"}
    first = Settings.from_environ(environ, repo=tmp_path)
    assert (first.registry, first.builder, first.landing) == ("other.example/x", "b@sha256:0", "push")
    assert first.reuse is Reuse.NEVER


@pytest.mark.parametrize("text", ["", "[tool]\n", "[tool.slipway]\n", "[tool.other]\nregistry = 1\n"])
def test_a_repository_need_not_say_anything(tmp_path: Path, text: str) -> None:
    found = project(tmp_path, text)
    assert (found.registry, found.builder, found.landing) == ("localhost/slipway", None, "push")
    assert found.reuse is Reuse.OWN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.slipway]\nregistry = 5\n", "pyproject.toml:2: [tool.slipway] registry: "),
        ("\n[tool.slipway]\nbilder = 'x'\n", "pyproject.toml:3: [tool.slipway] bilder is not known here"),
        ("[tool.slipway]\nlanding = 'merge'\n", "pyproject.toml:2: [tool.slipway] landing: "),
        ("[tool.slipway.reuse]\npull-requests = 'all'\n", "pyproject.toml:2: [tool.slipway.reuse] pull-requests: "),
        ("[tool.slipway.reuse]\npull-requests = true\n", "pyproject.toml:2: [tool.slipway.reuse] pull-requests: "),
        ("[tool.slipway.reuse]\nforks = 'own'\n", "[tool.slipway.reuse] forks is not known here"),
        ("[tool.slipway]\nreuse = 'own'\n", "pyproject.toml:2: [tool.slipway] reuse: "),
        ("[tool]\nslipway = 3\n", "pyproject.toml:2: [tool.slipway]: "),
        ("[tool.slipway\n", "pyproject.toml:1: this is not TOML"),
        (
            "[tool.slipway]\n\nenvironments = ['staging', 'staging']\n",
            "pyproject.toml:3: [tool.slipway] environments names staging twice",
        ),
        (
            "[tool.slipway]\nenvironments = ['watch']\n",
            "pyproject.toml:2: [tool.slipway] environments names watch, whose branches are those of slipway watch",
        ),
        ("[tool.slipway]\nenvironments = []\n", "pyproject.toml:2: [tool.slipway] environments names none"),
        ("[tool.slipway]\napprove = 'production'\n", "approve must be a list, such as"),
        (
            "[tool.slipway]\nenvironments = ['staging', 'Prod!']\n",
            "pyproject.toml:2: [tool.slipway] environments: 'Prod!' cannot name an environment",
        ),
        (
            "[tool.slipway]\nenvironments = ['staging']\napprove = ['production']\n",
            "pyproject.toml:3: [tool.slipway] approve names production, which is none of staging",
        ),
        (
            "[tool.slipway]\nnamespace = 'models-{stage}'\n",
            "pyproject.toml:2: [tool.slipway] namespace has {stage}: it may have {environment}",
        ),
        (
            "[tool.slipway]\nendpoint = 'http://{model.__class__}'\n",
            "pyproject.toml:2: [tool.slipway] endpoint has {model.__class__}: it may have {model}, {predictor}, ",
        ),
        ("[tool.slipway]\nendpoint = 'http://{model!r}'\n", "[tool.slipway] endpoint has {model}: it may have "),
        ("[tool.slipway]\nendpoint = 'http://{'\n", "[tool.slipway] endpoint has a brace that stands alone"),
    ],
)
def test_what_a_repository_says_wrongly_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as failure:
        project(tmp_path, text)
    assert said in str(failure.value)
    assert failure.value.exit_code is ExitCode.BAD_INPUT


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as failure:
        project(tmp_path, "[tool.slipway]\nregistry = 5\nbilder = 'x'\n")
    assert len(failure.value.faults) == 2
    with pytest.raises(InputError, match="'Staging' cannot name") as failure:
        project(tmp_path, "[tool.slipway]\nenvironments = ['Staging', 'prod uction']\n")
    assert len(failure.value.faults) == 2, "and none that nobody made"


def test_no_other_folder_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.slipway]\nregistry = 'elsewhere.example/x'\n")
    (tmp_path / "models").mkdir()
    assert Settings.from_environ({}, repo=tmp_path / "models").registry == "localhost/slipway"


TWO = "[tool.slipway]\nenvironments = ['staging', 'production']\napprove = ['production']\n"


def test_a_command_goes_through_every_environment_in_order(tmp_path: Path) -> None:
    found = project(tmp_path, TWO)
    assert (found.environment, found.through, found.approve) == (
        "staging",
        ("staging", "production"),
        ("production",),
    )
    assert (found.earlier, found.is_followed, found.onwards) == ((), True, ("staging", "production"))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("staging", ((), True, ("staging", "production"))),
        ("production", (("staging",), False, ("production",))),
    ],
)
def test_one_that_is_named_is_gone_through_alone(
    tmp_path: Path, name: str, place: tuple[tuple[str, ...], bool, tuple[str, ...]]
) -> None:
    (tmp_path / "pyproject.toml").write_text(TWO)
    found = Settings.from_environ({"SLIPWAY_ENVIRONMENT": name}, repo=tmp_path)
    assert (found.environment, found.through) == (name, (name,))
    assert (found.earlier, found.is_followed, found.onwards) == place


def test_the_environment_says_no_template_that_nobody_can_fill(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"SLIPWAY_ENDPOINT has \{where\}: it may have \{model\}"):
        Settings.from_environ({"SLIPWAY_ENDPOINT": "http://{where}"}, repo=tmp_path)


def test_an_environment_that_is_none_of_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.slipway]\nenvironments = ["staging", "production"]\n')
    with pytest.raises(InputError, match=r"SLIPWAY_ENVIRONMENT is 'prod', .*\n.*staging, production"):
        Settings.from_environ({"SLIPWAY_ENVIRONMENT": "prod"}, repo=tmp_path)


def test_a_repository_that_names_none_takes_any(tmp_path: Path) -> None:
    found = Settings.from_environ({"SLIPWAY_ENVIRONMENT": "sandbox"}, repo=tmp_path)
    assert (found.through, found.earlier, found.is_followed, found.onwards) == (("sandbox",), (), False, ("sandbox",))
