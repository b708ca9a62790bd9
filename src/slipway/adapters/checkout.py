"""A clone for a run, on an engine that has no checkout of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from slipway.adapters.credentials import credentials
from slipway.adapters.own_git import OwnGit
from slipway.adapters.signals import Pause
from slipway.errors import InputError, OutsideError

PAUSES = (2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0)
"""Seconds between two looks for a pull request's merge: three minutes, of the ten that its step has."""
_PROTOCOLS = "file:git:http:https:ssh"
_WANTED = "refs/slipway/wanted"
_MERGE = re.compile(r"refs/pull/(\d+)/merge")
_NO_LFS = "GIT_LFS_SKIP_SMUDGE"
"""As actions/checkout has it: a pull request's .lfsconfig can name any server, which Git LFS would ask."""
_SHORT = 12


def checkout(
    url: str,
    to: Path,
    *,
    ref: str,
    base: str,
    environ: Mapping[str, str],
    pause: Pause,
    say: Callable[[str], None],
    about: Callable[[str], None],
) -> str:
    """Clone a repository with all of its base branch, check out `ref`, else the base; the commit that it is about.

    Of the merge that GitHub tries of a pull request (refs/pull/N/merge) that is the pull request's own newest one.
    GitHub tries it some time after it told of the push, so that is waited for. `about` hears of the commit before:
    where no merge comes of it, that can still be told of it.

    A token goes to Git by its environment: neither the folder nor a list of processes shows it. Run again, it brings
    the folder up to date. Raises `InputError` where the folder holds something else, where there is no such ref, or
    where the pull request has conflicts; `OutsideError` where Git cannot reach the repository.
    """
    bounds = {"GIT_ALLOW_PROTOCOL": _PROTOCOLS, _NO_LFS: "1"}
    git = OwnGit(root=to, environ={**environ, **credentials(url, environ), **bounds})
    may = f"May you read {url}, and is there a branch {base}?"
    _begin(git, url)
    commit = ""
    if pull := _MERGE.fullmatch(ref):
        commit = _fetch_merge(git, pull[1], base, pause=pause, say=say, about=about)
    elif ref:
        _fetch_ref(git, ref)
    # Last: what a merge was tried with must not be newer than the base here.
    git.ask(_fetch(f"+refs/heads/{base}:refs/remotes/origin/{base}"), hint=may)
    if ref:
        git.ask(["checkout", "--quiet", "--force", "--detach", _WANTED])
    else:
        git.ask(["checkout", "--quiet", "--force", "-B", base, "--track", f"refs/remotes/origin/{base}"])
    return commit or git.ask(["rev-parse", "HEAD"])


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


def _fetch_merge(
    git: OwnGit, number: str, base: str, *, pause: Pause, say: Callable[[str], None], about: Callable[[str], None]
) -> str:
    """Fetch the merge that GitHub tries of the pull request's newest commit, and return that commit."""
    ref, told, merged = f"refs/pull/{number}/merge", "", ""
    for seconds in (*PAUSES, None):
        head, merge = _tips(git, number)
        if head != told:
            about(head)
        if merge:
            _fetch_ref(git, ref)
            merged = git.ask(["rev-parse", f"{_WANTED}^2"])
            if merged == head:
                break
        if seconds is None:
            raise _no_merge(ref, base, head=head, merged=merged)
        if not told:
            say(
                f"{ref} is not yet of {head[:_SHORT]}: "
                f"waiting up to {sum(PAUSES) / 60:.0f} minutes for GitHub to try it"
            )
        told = head
        pause(seconds)
    return head


def _tips(git: OwnGit, number: str) -> tuple[str, str]:
    """Where the pull request is, and the merge that was tried of it or of an earlier commit, empty without one."""
    names = [f"refs/pull/{number}/{kind}" for kind in ("head", "merge")]
    lines = git.ask(["ls-remote", "--quiet", "origin", *names], hint="May you read the repository?").splitlines()
    found = {name: commit for commit, _, name in (line.partition("\t") for line in lines)}
    head, merge = (found.get(name, "") for name in names)
    if not head:
        raise InputError(f"there is no pull request {number}", hint="Write its merge as refs/pull/NUMBER/merge.")
    return head, merge


def _no_merge(ref: str, base: str, *, head: str, merged: str) -> InputError:
    """GitHub makes no merge where there are conflicts, and leaves one that it made of an earlier commit as it was."""
    still = f"{ref} is still of {merged[:_SHORT]}, and the pull request is at {head[:_SHORT]}"
    return InputError(
        still if merged else f"there is no {ref} of {head[:_SHORT]}",
        hint=f"GitHub tries no merge of a pull request that has conflicts with {base}, or is closed. "
        "Resolve them and push; if there are none, GitHub is late: run it again.",
    )


def _fetch_ref(git: OwnGit, ref: str) -> None:
    done = git.run(_fetch(f"+{ref}:{_WANTED}"))
    if not done.returncode:
        return
    said = done.stderr.decode(errors="replace").strip()
    if "couldn't find remote ref" in said:
        raise InputError(f"there is no {ref}", hint="Write a branch as refs/heads/NAME.")
    raise OutsideError(f"git fetch failed: {said}")


def _fetch(refspec: str) -> list[str]:
    return ["fetch", "--quiet", "--no-tags", "--force", "--end-of-options", "origin", refspec]
