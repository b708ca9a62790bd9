"""`doctor`: what this machine, this repository and GitHub still lack, and how each is set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING

from slipway.doctor import hub, machine, tree
from slipway.doctor.decision import decide
from slipway.doctor.facts import Facts
from slipway.doctor.finding import Area, Finding, Need, State
from slipway.errors import ExitCode
from slipway.screen import emit, emit_json

if TYPE_CHECKING:
    from slipway.workspace import Workspace

_WIDTH = 9


def doctor(workspace: Workspace, environ: Mapping[str, str], *, as_json: bool) -> int:
    """Look at everything, and print it; 1 if anything necessary is missing. What cannot be seen is no fault."""
    found = decide(_facts(workspace, environ))
    faults = [one for one in found if one.is_fault]
    if as_json:
        emit_json({"healthy": not faults, "findings": [asdict(one) for one in found]})
    else:
        emit("\n\n".join((*(_part(area, found) for area in Area), _sum(found))))
    return ExitCode.VERDICT_NO if faults else ExitCode.DONE


def _facts(workspace: Workspace, environ: Mapping[str, str]) -> Facts:
    files = tree.gather(workspace.settings)
    return Facts(
        machine=machine.gather(workspace.settings, workspace.store, environ),
        tree=files,
        github=hub.gather(environ, workspace.git, files.workflows),
    )


def _part(area: Area, found: Sequence[Finding]) -> str:
    """An area's findings: a line for each, and below it what to do. What cannot be seen for one reason is told once."""
    mine = list(_merged(one for one in found if one.area is area))
    widest = max((len(one.name) for one in mine), default=0)
    lines = [area[0].upper() + area[1:]]
    for one in mine:
        lines.append(f"  {_word(one):{_WIDTH}} {one.name:{widest}}  {one.what}")
        if one.how:
            lines.append(f"  {'':{_WIDTH}} {'':{widest}}  -> {one.how}")
    return "\n".join(lines)


def _merged(found: Iterable[Finding]) -> Iterator[Finding]:
    """What is there and missing as it is; what is unknown for the same reason as one, the others counted."""
    for (state, what, how), group in groupby(found, key=lambda one: (one.state, one.what, one.how)):
        first, *others = group
        if state is State.UNKNOWN and others:
            yield replace(first, name=f"{first.name} and {len(others)} more", what=what, how=how)
        else:
            yield from (first, *others)


def _word(one: Finding) -> str:
    """What is missing and not necessary is only advised."""
    if one.state is State.MISSING and one.need is Need.ADVISED:
        return Need.ADVISED.value
    return one.state.value


def _sum(found: Sequence[Finding]) -> str:
    faults = sum(one.is_fault for one in found)
    unknown = sum(one.state is State.UNKNOWN for one in found)
    missing = (
        f"{faults} necessary thing{'s are' if faults > 1 else ' is'} missing."
        if faults
        else "Nothing necessary is missing."
    )
    return missing + (f" What could not be seen: {unknown}." if unknown else "")
