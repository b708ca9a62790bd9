"""What people mean by what they do on main: a plain model of the rule, which steps forward through what happens.

`slipway.plan.rule` looks back from the newest commit and knows only what Git has. This one is told each thing as it
happens, and who did it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from slipway.plan.rule import Wanted


class Kind(Enum):
    """How a canary came to stand beside the default."""

    TRIAL = "a release on trial"
    DEMOTED = "it had the full traffic, and somebody took that back"
    PUT_BACK = "it had been taken away, and somebody put it back"


class Nothing(Enum):
    """Neither a key nor the absence of one."""

    HELD = "nothing is held"


@dataclass(frozen=True, kw_only=True)
class Live:
    """The keys that a manifest serves."""

    default: str
    canary: str | None = None


@dataclass(kw_only=True)
class Meaning:
    """One model, as its people understand it."""

    key: str | None = None
    live: Live | None = None
    kind: Kind | None = None
    """The canary's, if there is one."""
    held: str | Nothing | None = Nothing.HELD
    full: set[str] = field(default_factory=set)
    """The keys that ever had the full traffic."""
    again: dict[str, Kind] = field(default_factory=dict)
    """What a canary will be when it stands there again."""

    @property
    def aim(self) -> str | None:
        """The key that is to have the full traffic in the end."""
        if self.live is None:
            return None
        return self.live.default if self.kind in (None, Kind.DEMOTED) else self.live.canary

    @property
    def on_trial(self) -> str | None:
        """The key that may be promoted."""
        return self.live.canary if self.live and self.kind is Kind.TRIAL else None

    # ---- what happens

    def inputs(self, key: str | None) -> None:
        """The model's inputs change, whoever did it and how."""
        self.key = key
        self._relieved()

    def released(self, key: str, *, trial: bool) -> None:
        """Slipway releases a key, on trial or at once."""
        self._replaced()
        if trial and self.live:
            self._serves(Live(default=self.live.default, canary=key), Kind.TRIAL)
        else:
            self._serves(Live(default=key), None)

    def promoted(self) -> None:
        """Slipway gives the canary on trial the full traffic."""
        assert self.live
        assert self.live.canary
        self.again[self.live.canary] = Kind.DEMOTED
        self._serves(Live(default=self.live.canary), None)

    def restored(self, key: str) -> None:
        """Slipway gives a release that was there before the full traffic."""
        self._replaced()
        self.again[key] = Kind.DEMOTED
        self._serves(Live(default=key), None)

    def rolled_back(self) -> None:
        """Slipway removes a canary whose promotion somebody took back."""
        assert self.live
        assert self.live.canary
        self.again[self.live.canary] = Kind.PUT_BACK
        self._serves(Live(default=self.live.default), None)

    def retired(self) -> None:
        """Slipway removes the manifest of a model that is gone."""
        self._replaced()
        self._serves(None, None)

    def person(self, live: Live | None) -> None:
        """Somebody changes by hand, or by a revert, what is served; anything else they edit is no matter."""
        before, kind = self.live, self.kind
        if live == before:
            return
        if self._is_next(live):
            return
        old = before.canary if before else None
        if live is None or live.canary is None:
            now = None
        elif live.canary == old:
            now = kind
        elif before and live.canary == before.default:
            now = Kind.DEMOTED
        else:
            now = self.again.get(live.canary, Kind.PUT_BACK)
        if old and (live is None or live.canary != old):
            self.again[old] = Kind.DEMOTED if live and live.default == old else Kind.PUT_BACK
        self._serves(live, now)
        self.held = Nothing.HELD if self.key == self.aim else self.key

    def _is_next(self, live: Live | None) -> bool:
        """Whether it is what slipway would do with the canary; then it was done for slipway."""
        before = self.live
        if before is None or before.canary is None or self.kind is None:
            return live is None and self.key is None and self._done(self.retired)
        if live == Live(default=before.default) and self.kind is Kind.DEMOTED:
            return self._done(self.rolled_back)
        if live == Live(default=before.canary) and self.kind is not Kind.DEMOTED:
            return self._done(self.promoted)
        return live is None and self.key is None and self._done(self.retired)

    def _done(self, step: Callable[[], None]) -> bool:
        step()
        return True

    def _replaced(self) -> None:
        if self.live and self.live.canary and self.kind:
            self.again[self.live.canary] = self.kind

    def _serves(self, live: Live | None, kind: Kind | None) -> None:
        self.live, self.kind = live, kind
        self.full |= {live.default} if live else set()
        self._relieved()

    def _relieved(self) -> None:
        """A hold ends when the model's key is what is aimed at: whatever comes then was made afresh."""
        if self.key == self.aim:
            self.held = Nothing.HELD

    # ---- what is wanted

    def wanted(self) -> tuple[Wanted, str | None]:
        """What is to be done, and the key that it is about."""
        asked = self._asked()
        if asked in (Wanted.RESTORE, Wanted.RETIRE):
            return asked, self.key
        if self.kind is Kind.DEMOTED and self.live:
            return Wanted.ROLLBACK, self.live.canary
        if self.kind is Kind.PUT_BACK and self.live:
            return Wanted.RESTORE, self.live.canary
        return asked, self.key

    def _asked(self) -> Wanted:
        if self.key == self.aim:
            return Wanted.NONE
        if self.held == self.key:
            return Wanted.HELD
        if self.key is None:
            return Wanted.RETIRE
        return Wanted.RESTORE if self.key in self.full else Wanted.RELEASE

    def copy(self) -> Meaning:
        """The same, to be stepped on its own."""
        return replace(self, full=set(self.full), again=dict(self.again))


@dataclass(kw_only=True)
class Builder:
    """What the images of one model's keys are built upon, as its people understand it."""

    name: str = ""
    """The builder that the repository names."""
    last: dict[str, str] = field(default_factory=dict)
    """By key, the image that it had when it was served last."""
    away: set[tuple[str, str]] = field(default_factory=set)
    """Images that somebody took away from a key: they stay away until the repository names another builder."""

    def named(self, name: str) -> None:
        """The repository names a builder."""
        if name != self.name:
            self.name = name
            self.away.clear()

    def shown(self, images: Mapping[str, str], *, own: bool) -> None:
        """The images of the keys that are served after a commit, and whether slipway made it."""
        for key, image in images.items():
            was = self.last.get(key, image)
            if was != image:
                (self.away.discard if own else self.away.add)((key, was))
                self.away.discard((key, image))
            self.last[key] = image

    def asks(self, key: str, image: str) -> bool:
        """Whether a key that is served is to have this image, which the builder gives."""
        return self.last.get(key) != image and (key, image) not in self.away


@dataclass(kw_only=True)
class Dial[T]:
    """One thing that `[serving]` says: brought to the manifest when it changes there, and else left to people."""

    shown: T | None = None
    """What the manifest has."""
    wished: T | None = None
    """What `[serving]` has."""
    wished_then: T | None = None
    """What `[serving]` had when the manifest's was set."""

    def turned(self, shown: T | None, wished: T | None) -> None:
        """What both are after a commit."""
        self.wished = wished
        if shown != self.shown:
            self.shown, self.wished_then = shown, wished

    @property
    def asks(self) -> bool:
        """Whether `[serving]` is to be brought to the manifest."""
        return None not in (self.shown, self.wished) and self.wished not in (self.shown, self.wished_then)
