"""A pull request for each commit that waits on a branch of slipway's own, where main is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.main_branch import MainBranch
from slipway.forge.interface import Proposer

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_BODY = """`slipway release` made this commit; main takes it by a pull request alone.

It merges itself once main's rules allow it. Do not edit it: what main asks for by then is proposed anew.
"""


def propose(workspace: Workspace, forge: Proposer) -> list[str]:
    """Open what is not open yet, and have each merge itself as soon as it may; the addresses of all of them.

    A branch whose pull request somebody closed is left alone: that was an answer.
    """
    main = MainBranch.of(workspace.git)
    addresses = []
    for branch, commit in sorted(main.waiting(f"slipway/{workspace.settings.environment}/*").items()):  # rebuilds too
        pull = forge.pull_of_branch(branch) or forge.open_pull(branch, main.name, main.subject(commit), _BODY)
        forge.merge_when_ready(pull)
        addresses.append(pull.url)
    return addresses
