"""What the environment says, read once."""

from __future__ import annotations

from pathlib import Path

from slipway.settings import Settings


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


def test_secrets_do_not_show(tmp_path: Path) -> None:
    environ = {"SLIPWAY_STORE": "s3://key:hunter2@host", "MLFLOW_TRACKING_URI": "https://user:hunter2@host"}
    assert "hunter2" not in repr(Settings.from_environ(environ, repo=tmp_path))


def test_a_builder_may_be_named_for_images(tmp_path: Path) -> None:
    assert Settings.from_environ({"SLIPWAY_BUILDER": ""}, repo=tmp_path).builder is None
    environ = {"SLIPWAY_BUILDER": "quay.example/builder@sha256:0"}
    assert Settings.from_environ(environ, repo=tmp_path).builder == "quay.example/builder@sha256:0"
