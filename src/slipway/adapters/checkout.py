"""A clone for a run, on an engine that has no checkout of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slipway.adapters.credentials import credentials
from slipway.adapters.own_git import OwnGit
from slipway.errors import InputError, OutsideError

_PROTOCOLS = "file:git:http:https:ssh"
_WANTED = "refs/slipway/wanted"
_NO_LFS = "GIT_LFS_SKIP_SMUDGE"
"""As actions/checkout has it: a pull request's .lfsconfig can name any server, which Git LFS would ask."""


def checkout(url: str, to: Path, *, ref: str, base: str, environ: Mapping[str, str]) -> str:
    """Clone a repository with all of its base branch, check out `ref`, else the base; the commit that it is about.

    Of the merge that GitHub tries of a pull request (refs/pull/N/merge) that is the pull request's own newest one.

    A token goes to Git by its environment: neither the folder nor a list of processes shows it. Run again, it brings
    the folder up to date. Raises `InputError` where the folder holds something else, or where there is no such ref;
    `OutsideError` where Git cannot reach the repository.
    """
    bounds = {"GIT_ALLOW_PROTOCOL": _PROTOCOLS, _NO_LFS: "1"}
    git = OwnGit(root=to, environ={**environ, **credentials(url, environ), **bounds})
    _begin(git, url)
    git.ask(
        _fetch(f"+refs/heads/{base}:refs/remotes/origin/{base}"),
        hint=f"May you read {url}, and is there a branch {base}?",
    )
    if not ref:
        git.ask(["checkout", "--quiet", "--force", "-B", base, "--track", f"refs/remotes/origin/{base}"])
    else:
        _fetch_ref(git, ref)
        git.ask(["checkout", "--quiet", "--force", "--detach", _WANTED])
    tried = git.run(["rev-parse", "--verify", "--quiet", "HEAD^2"]) if ref.endswith("/merge") else None
    return tried.stdout.decode().strip() if tried and not tried.returncode else git.ask(["rev-parse", "HEAD"])


def _begin(git: OwnGit, url: str) -> None:
    """An empty repository with its remote, or the one that an earlier try left."""
    try:
        git.root.mkdir(parents=True, exist_ok=True)
        is_new = not any(git.root.iterdir())
    except OSError as error:
        raise OutsideError(f"{git.root} cannot be written: {error.strerror}") from None
    if is_new:
        git.ask(["init", "--quiet", "."])
        git.ask(["remote", "add", "--", "origin", url])
    elif git.run(["config", "--local", "remote.origin.url"]).stdout.decode().strip() != url:
        raise InputError(f"{git.root} holds something else than a clone of {url}", hint="Name an empty folder.")


def _fetch_ref(git: OwnGit, ref: str) -> None:
    done = git.run(_fetch(f"+{ref}:{_WANTED}"))
    if not done.returncode:
        return
    said = done.stderr.decode(errors="replace").strip()
    if "couldn't find remote ref" in said:
        is_merge = ref.startswith("refs/pull/")
        conflicts = "GitHub makes no refs/pull/N/merge of a pull request that is closed or has conflicts with main."
        raise InputError(f"there is no {ref}", hint=conflicts if is_merge else "Write a branch as refs/heads/NAME.")
    raise OutsideError(f"git fetch failed: {said}")


def _fetch(refspec: str) -> list[str]:
    return ["fetch", "--quiet", "--no-tags", "--force", "--end-of-options", "origin", refspec]
