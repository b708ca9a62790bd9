"""A pull request for each commit that waits on a branch of slipway's own: for main's rules, or for a person."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.adapters.main_branch import Landing, MainBranch
from slipway.errors import OutsideError, SlipwayError
from slipway.forge import approving
from slipway.forge.interface import Proposer, Pull
from slipway.spec import MODEL_NAME

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_BODY = """`slipway` made this commit; main takes it by a pull request alone.

It merges itself once main's rules allow it. Do not edit it: what main asks for by then is proposed anew.
"""


def waits(workspace: Workspace, environment: str) -> bool:
    """Whether commits of an environment may wait on branches."""
    settings = workspace.settings
    return settings.landing == Landing.BRANCH or environment in settings.approve


def propose(workspace: Workspace, forge: Proposer, commits: Collection[str] | None = None) -> list[str]:
    """Open what is not open yet, and have each merge itself as soon as it may; the addresses of all of them.

    Of every commit that waits, or of these alone.

    What a person has to approve waits for that, with all that is known of it. Only slipway's own commits, upon main,
    which change nothing but the model's manifests in that environment: whoever else writes to such a branch opens his
    own. A commit whose pull request somebody closed is left alone: that was an answer.

    One that fails keeps no other from its own; in the end, `OutsideError` names each that did.
    """
    main = MainBranch.of(workspace.git)
    run = _Run(workspace=workspace, forge=forge, main=main, tip=main.tip(), commits=commits)
    every = [one for one in workspace.settings.through if waits(workspace, one)]
    found = [one for environment in every for one in run.of(environment)]
    proposed = [one.url for one in found if isinstance(one, Pull)]
    failed = [f"{one.branch}: {one.error}" for one in found if isinstance(one, _Failed)]
    if failed:
        for address in proposed:
            workspace.screen.say(f"waits in {address}")
        raise OutsideError("\n".join(failed))
    return proposed


@dataclass(frozen=True, kw_only=True)
class _Failed:
    """A branch whose commit could not be proposed, or does not merge itself, and why."""

    branch: str
    error: SlipwayError


@dataclass(frozen=True, kw_only=True)
class _Run:
    workspace: Workspace
    forge: Proposer
    main: MainBranch
    tip: str
    commits: Collection[str] | None

    def of(self, environment: str) -> Iterator[Pull | _Failed]:
        """The pull requests of one environment."""
        for branch, commit in sorted(self.main.waiting(f"slipway/{environment}/*").items()):
            if self.commits is not None and commit not in self.commits:
                continue
            try:
                pull = self._of_branch(environment, branch, commit)
            except SlipwayError as error:
                yield _Failed(branch=branch, error=error)
                continue
            if pull is not None:
                yield pull

    def _of_branch(self, environment: str, branch: str, commit: str) -> Pull | None:
        model = branch.rpartition("/")[2].partition(".")[0]
        below = f"gitops/models/{model}/{environment}/"
        if MODEL_NAME.fullmatch(model) and self.main.brings_only(commit, self.tip, below):
            return self._pull(environment, model, branch, commit)
        self._say(f"{branch}: left alone: its newest commit is not slipway's, or changes more than {below}")
        return None

    def _pull(self, environment: str, model: str, branch: str, commit: str) -> Pull | None:
        found = self._offer(environment, model, commit)
        title, body = self.main.subject(commit), approving.body(found) if found else _BODY
        title = f"{title} in {environment}" if found else title
        pull = self.forge.pull_of_branch(branch)
        if pull is None and self._is_answered(branch, commit):
            self._say(f"{branch}: left alone: somebody closed its pull request")
            return None
        if pull is None:
            pull = self.forge.open_pull(branch, self.main.name, title, body)
        elif approving.MARKER in pull.body or _is_own(pull):
            self.forge.edit_pull(pull, title=title, body=body)
        if found is None and not pull.merges_itself:
            self.forge.merge_when_ready(pull)
        return pull

    def _is_answered(self, branch: str, commit: str) -> bool:
        """Whether a pull request of this very commit was open before, and is no more."""
        return any(one.head == commit and not one.is_open for one in self.forge.pulls_of_branch(branch))

    def _offer(self, environment: str, model: str, commit: str) -> approving.Offer | None:
        if environment not in self.workspace.settings.approve:
            return None
        return self.main.deep(lambda: approving.offer(self.workspace, self.tip, environment, model, commit))

    def _say(self, text: str) -> None:
        self.workspace.screen.say(text)


def _is_own(pull: Pull) -> bool:
    """Whether its text is still the one that slipway wrote. Another commit may wait on the branch by now."""
    return pull.body.replace("\r\n", "\n").strip() == _BODY.strip()
