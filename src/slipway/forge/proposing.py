"""A pull request for each commit that waits on a branch of slipway's own, where main is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.main_branch import MainBranch
from slipway.forge.interface import Proposer

if TYPE_CHECKING:
    from slipway.workspace import Workspace

MANIFESTS = "gitops/models/"
_BODY = """`slipway release` made this commit; main takes it by a pull request alone.

It merges itself once main's rules allow it. Do not edit it: what main asks for by then is proposed anew.
"""


def propose(workspace: Workspace, forge: Proposer) -> list[str]:
    """Open what is not open yet, and have each merge itself as soon as it may; the addresses of all of them.

    Only slipway's own commits, upon main, which change nothing but manifests: whoever else writes to such a branch
    opens his own. A commit whose pull request somebody closed is left alone: that was an answer.
    """
    main = MainBranch.of(workspace.git)
    tip = main.tip()
    addresses = []
    for branch, commit in sorted(main.waiting(f"slipway/{workspace.settings.environment}/*").items()):
        if not main.brings_only(commit, tip, MANIFESTS):
            workspace.screen.say(
                f"{branch}: left alone: its newest commit is not slipway's, or changes more than gitops/"
            )
            continue
        pull = forge.pull_of_branch(branch)
        if pull is None and any(not one.is_open for one in forge.pulls_of_commit(commit)):
            workspace.screen.say(f"{branch}: left alone: somebody closed its pull request")
            continue
        pull = pull or forge.open_pull(branch, main.name, main.subject(commit), _BODY)
        forge.merge_when_ready(pull)
        addresses.append(pull.url)
    return addresses
