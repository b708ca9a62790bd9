"""How a job without a user's own credentials reads and writes main: by the token, which nothing keeps."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from tests import git_server, remotes
from tests.github_server import FakeGitHub
from tests.github_server.access import INSTALLATION_TOKEN
from tests.remotes import World

from slipway.adapters.checkout import checkout
from slipway.adapters.git import Git
from slipway.adapters.main_branch import MainBranch
from slipway.errors import OutsideError

TOKEN = "a-token-of-the-app"  # noqa: S105  of a server on this machine


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    for name, value in remotes.ENVIRON.items():
        monkeypatch.setenv(name, value)
    return remotes.make(tmp_path / "world")


@pytest.fixture
def server(world: World) -> Iterator[tuple[str, list[list[str]]]]:
    with git_server.serve(world.root, TOKEN) as started:
        yield started


@pytest.fixture
def app() -> Iterator[tuple[FakeGitHub, str]]:
    """A GitHub that has the App, and the App's private key."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with FakeGitHub.serve() as github:
        github.state.app_key = public
        yield github, private


def environ(url: str, token: str = TOKEN) -> dict[str, str]:
    return {**os.environ, "GITHUB_TOKEN": token, "GITHUB_SERVER_URL": url}


def _unasked(said: object) -> None:
    raise AssertionError(said)


def main_of(address: str, folder: Path, environ: Mapping[str, str]) -> None:
    """Check main out, for which nothing is waited."""
    waits: dict[str, Callable[[object], None]] = dict.fromkeys(("pause", "say", "about"), _unasked)
    checkout(address, folder / "clone", ref="", base="main", environ=environ, **waits)


def test_main_is_checked_out_and_pushed_with_the_token(
    world: World, server: tuple[str, list[list[str]]], tmp_path: Path
) -> None:
    url, _ = server
    told = environ(url)
    main_of(f"{url}/remote.git", tmp_path, told)
    git = Git(root=tmp_path / "clone")
    main = MainBranch.of(git, told)
    tip = main.tip()
    made = main.commit(tip, {"file": b"text\n"}, "Say something", remotes.NOW)
    assert made is not None
    assert main.land(made, tip)
    assert world.main() == made
    written = b"".join(path.read_bytes() for path in (tmp_path / "clone" / ".git").rglob("*") if path.is_file())
    assert TOKEN.encode() not in written


def test_a_github_app_shows_a_token_of_its_installation(
    world: World, tmp_path: Path, app: tuple[FakeGitHub, str]
) -> None:
    github, key = app
    (world.root / "acme").mkdir()
    world.remote.rename(world.root / "acme" / "models.git")
    with git_server.serve(world.root, INSTALLATION_TOKEN) as (url, _):
        told = {**os.environ, **github.environ(), "GITHUB_TOKEN": "", "GITHUB_SERVER_URL": url}
        told |= {"GITHUB_REPOSITORY": "", "SLIPWAY_GITHUB_APP_ID": "5", "SLIPWAY_GITHUB_APP_KEY": key}
        main_of(f"{url}/acme/models.git", tmp_path, told)
    assert (tmp_path / "clone" / "data/toy/model.toml").is_file()
    (asked,) = github.asked("POST", "/access_tokens")
    assert asked.body == {"repositories": ["models"]}


def test_a_token_that_is_refused_is_one_message_without_it(server: tuple[str, list[list[str]]], tmp_path: Path) -> None:
    url, _ = server
    with pytest.raises(OutsideError) as failed:
        main_of(f"{url}/remote.git", tmp_path, environ(url, "another"))
    assert "another" not in str(failed.value)


def test_a_clone_with_credentials_of_its_own_shows_these_alone(
    world: World, server: tuple[str, list[list[str]]], tmp_path: Path
) -> None:
    """As actions/checkout leaves them: GitHub refuses a request that shows two."""
    url, asked = server
    main_of(f"{url}/remote.git", tmp_path, environ(url))
    git = Git(root=tmp_path / "clone")
    shown = asked[-1][0]
    git.run("config", f"http.{url}/.extraHeader", f"Authorization: {shown}")
    asked.clear()
    assert MainBranch.of(git, environ(url)).tip() == world.main()
    assert all(len(one) == 1 for one in asked)
