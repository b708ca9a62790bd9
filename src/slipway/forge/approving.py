"""A pull request that a person merges, or closes: what is known of a release that is to enter an environment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.errors import InputError
from slipway.plan import history
from slipway.plan.acts import releases
from slipway.plan.preview import diff
from slipway.report.numbers import number
from slipway.report.text import clean, code, fence, literal

if TYPE_CHECKING:
    from slipway.delivery.manifest import Release, Serving
    from slipway.plan.past import ModelPast
    from slipway.workspace import Workspace

MARKER = "<!-- slipway:approve -->"
"""Whose text it is: one without it is a person's by now."""
_LINES, _METRICS = 120, 12
_KEY = 64


@dataclass(frozen=True, kw_only=True)
class Verified:
    """Since when a release is verified in the environment before."""

    environment: str
    commit: str
    when: datetime


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a commit that waits would bring into an environment."""

    model: str
    environment: str
    release: Release | None
    """What never had the full traffic there; None where the model is to go."""
    live: Release | None
    """What has it now."""
    verified: Verified | None
    diff: str = field(repr=False)


def offer(workspace: Workspace, tip: str, environment: str, model: str, commit: str) -> Offer | None:
    """What a commit brings that a person has to approve; None where it only goes on or back with what was there.

    It is told by the files of the commit, whatever its message says.
    """
    settings = replace(workspace.settings, environment=environment)
    with history.read(workspace.git, tip, environment, settings.earlier) as repository:
        past, tree = repository.past(model), repository.snapshot(commit)
        now, then = past.serving_at(tip), past.serving_at(commit)
        if isinstance(then, InputError):
            raise then
        live = None if isinstance(now, InputError) else now
        new = next(_new(live, then, past), None)
        if then is not None and new is None:
            return None
        files = ((path, repository.tip.read(path), tree.read(path)) for path in past.manifests)
        return Offer(
            model=model,
            environment=environment,
            release=new,
            live=live.default if live else None,
            verified=_verified(past, new) if new else None,
            diff="".join(diff(path, before, after) for path, before, after in files if before != after),
        )


def _new(now: Serving | None, then: Serving | None, past: ModelPast) -> Iterator[Release]:
    """What a person never let in: neither live or on trial now, nor at full traffic before."""
    known = {release.key for release in releases(now)} | {act.after.default.key for act in past.acts() if act.after}
    return (release for release in releases(then) if release.key not in known)


def _verified(past: ModelPast, release: Release) -> Verified | None:
    """The commit that a release names verified it in the environment before, or came after that."""
    before = past.repository.before
    entry = next((one for one in past.repository.log if one.commit == release.commit), None)
    if before is None or entry is None:
        return None
    when = datetime.fromtimestamp(entry.when, UTC)
    return Verified(environment=before.environment, commit=entry.commit, when=when)


def body(found: Offer) -> str:
    """The pull request's text; whatever comes from a manifest is shown as it is, and nothing of it is rendered."""
    act, to = ("releases", "to") if found.release else ("removes", "from")
    what = f"This {act} {code(found.model)} {to} **{found.environment}**, once somebody merges it."
    lines = [
        MARKER,
        f"{what} It does not merge itself. Close it, and the same is not proposed again.",
        "",
        *_facts(found),
        "",
        "What changes in `gitops/`:",
        "",
        fence(literal(found.diff, _LINES), "diff"),
    ]
    return "\n".join(lines) + "\n"


def _facts(found: Offer) -> Iterator[str]:
    """A table of what is known of it, beside what is live."""
    release, live = found.release, found.live
    yield "| | this | live now |"
    yield "| :-- | :-- | :-- |"
    yield f"| key | {_key(release)} | {_key(live)} |"
    if found.verified:
        since = f"since {found.verified.commit[:12]}, {found.verified.when:%Y-%m-%d %H:%M} UTC"
        yield f"| verified in {found.verified.environment} | {since} | |"
    if release:
        yield f"| image | {code(release.image, 3 * _KEY)} | |"
    for name, value in list(release.metrics.items() if release else ())[:_METRICS]:
        yield f"| {code(clean(name))} | {number(value)} | {number(live.metrics.get(name)) if live else ''} |"


def _key(release: Release | None) -> str:
    return code(release.key, _KEY) if release else ""
