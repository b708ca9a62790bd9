"""One repository has one address, however it was cloned, and never with credentials."""

from __future__ import annotations

import pytest

from slipway.adapters import remote_address
from slipway.adapters.git import Git


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://git.example/team/models.git", "https://git.example/team/models"),
        ("https://user:hunter2@git.example/team/models", "https://git.example/team/models"),
        ("https://token@git.example:8443/team/models/", "https://git.example/team/models"),
        ("ssh://git@git.example:22/team/models.git", "https://git.example/team/models"),
        ("git@git.example:team/models.git", "https://git.example/team/models"),
        ("git.example:/team/models.git", "https://git.example/team/models"),
        ("/srv/models.git", ""),
        ("../models.git", ""),
        ("file:///srv/models.git", ""),
        ("https://[broken/models", ""),
        ("ext::sh -c evil", ""),
    ],
)
def test_an_address_as_everybody_may_be_told_it(url: str, address: str) -> None:
    assert remote_address.public(url) == address


def test_the_address_is_of_mains_remote(repository: Git) -> None:
    assert remote_address.find(repository) == ""
    repository.run("remote", "add", "origin", "https://user:hunter2@git.example/team/models.git")
    assert remote_address.find(repository) == "https://git.example/team/models"
    repository.run("remote", "rename", "origin", "one")
    repository.run("remote", "add", "other", "https://git.example/fork/models.git")
    assert remote_address.find(repository) == ""
