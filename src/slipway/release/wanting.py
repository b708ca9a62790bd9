"""The models that a run without names is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.main_branch import Landing, MainBranch
from slipway.plan import history
from slipway.plan.rule import Wanted
from slipway.spec import MODEL_NAME

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_IDLE = (Wanted.NONE, Wanted.HELD)


def wanting(workspace: Workspace, main: MainBranch, landing: Landing) -> list[str]:
    """The models of which main's history asks anything, and those of which a commit waits on a branch.

    What waits may be wanted no longer, so that it is to be withdrawn.
    """
    tip, environment = main.tip(), workspace.settings.environment

    def ask() -> list[str]:
        with history.read(workspace.git, tip, environment) as repository:
            states = history.states(repository)
        return [state.model for state in states if state.decision.wanted not in _IDLE]

    found = main.deep(ask)
    proposed = _proposed(main, f"slipway/{environment}/*") if landing is Landing.BRANCH else []
    return [*found, *(model for model in proposed if model not in found)]


def served(workspace: Workspace, main: MainBranch, landing: Landing) -> list[str]:
    """The models that main serves, and those of which a rebuild waits on a branch: it may have to be withdrawn."""
    tip, environment = main.tip(), workspace.settings.environment
    with history.read(workspace.git, tip, environment) as repository:
        found = repository.served()
    waiting = main.waiting(f"slipway/{environment}/*.rebuild-*") if landing is Landing.BRANCH else ()
    names = (branch.rpartition("/")[2].partition(".")[0] for branch in waiting)
    return sorted({*found, *(name for name in names if MODEL_NAME.fullmatch(name))})


def _proposed(main: MainBranch, pattern: str) -> list[str]:
    names = (branch.rpartition("/")[2] for branch in main.waiting(pattern))
    return [name for name in names if MODEL_NAME.fullmatch(name)]
