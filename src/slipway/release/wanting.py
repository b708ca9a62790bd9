"""The models that a run without names is about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from slipway.adapters.main_branch import Landing, MainBranch
from slipway.plan import history
from slipway.plan.rule import Wanted
from slipway.release.decisions import AT_ONCE
from slipway.spec import MODEL_NAME

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_IDLE = (Wanted.NONE, Wanted.HELD)
MOST_AT_ONCE = 256
"""Jobs of one matrix, on both engines: a longer one fails as a whole, and nothing would be released."""


def wanting(workspace: Workspace, main: MainBranch, landing: Landing) -> list[str]:
    """The models of which main's history asks anything, and those of which a commit waits on a branch.

    What waits may be wanted no longer, so that it is to be withdrawn.
    """
    tip, environment = main.tip(), workspace.settings.environment

    def ask() -> list[str]:
        with history.read(workspace.git, tip, environment, workspace.settings.earlier) as repository:
            states = history.states(repository)
        return [state.model for state in states if state.decision.wanted not in _IDLE]

    found = main.deep(ask)
    waits = landing is Landing.BRANCH or environment in workspace.settings.approve
    proposed = _proposed(main, f"slipway/{environment}/*") if waits else []
    return [*found, *(model for model in proposed if model not in found)]


def at_once(names: Iterable[str], tell: Callable[[str], None]) -> list[str]:
    """What one run is about: the first by name, the same for each of its jobs. Of the others it is told."""
    found = sorted(names)
    if len(found) > MOST_AT_ONCE:
        tell(
            f"{len(found)} models are wanted, and no engine runs more than {MOST_AT_ONCE} jobs at once: from "
            f"{found[MOST_AT_ONCE]} on, they stay wanted, and come with the next run"
        )
    return found[:MOST_AT_ONCE]


def served(workspace: Workspace, main: MainBranch, landing: Landing) -> list[str]:
    """The models that main serves, and those of which a rebuild waits on a branch: it may have to be withdrawn."""
    tip, environment = main.tip(), workspace.settings.environment
    with history.read(workspace.git, tip, environment) as repository:
        found = repository.served()
    waiting = main.waiting(f"slipway/{environment}/*.rebuild-*") if landing is Landing.BRANCH else ()
    names = (branch.rpartition("/")[2].partition(".")[0] for branch in waiting)
    return sorted({*found, *(name for name in names if MODEL_NAME.fullmatch(name))})


def _proposed(main: MainBranch, pattern: str) -> list[str]:
    names = (branch.rpartition("/")[2].removesuffix(AT_ONCE) for branch in main.waiting(pattern))
    return [name for name in dict.fromkeys(names) if MODEL_NAME.fullmatch(name)]
