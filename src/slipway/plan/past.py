"""A model's past, read from Git's objects: nothing is checked out, and nothing is read that nobody asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import dropwhile, islice, takewhile
from typing import Any

from slipway import project
from slipway.adapters.git_log import GitLog, LogEntry
from slipway.adapters.objects import Objects, Snapshot
from slipway.adapters.own_git import ENVIRONMENT, KEY, MODEL
from slipway.delivery.manifest import Release, Serving
from slipway.errors import InputError
from slipway.key import TRAINING, KeyInputs, Shared, key_inputs, shared_inputs
from slipway.plan.acts import Act
from slipway.plan.keys import Inputs, Keys, Verified
from slipway.plan.served import Blobs, Touch, as_it_ended, manifests, read_blobs, what
from slipway.spec import ServingTable, folder, parse_toml, spec_path

SHARED = (TRAINING, "pyproject.toml", "uv.lock", ".python-version")
"""What is in the key of every model."""
PATHS = ("data", "gitops/models", *SHARED)
ENVIRONMENT_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The first-parent history of a commit of main, for all its models."""

    objects: Objects = field(repr=False)
    log: GitLog = field(repr=False)
    tip: Snapshot
    environment: str
    earlier: tuple[str, ...] = ()
    """The environments before it: it follows the last of them."""
    _keys: dict[tuple[str, ...], str | InputError | None] = field(default_factory=dict, repr=False)
    _shared: dict[tuple[str, ...], Shared] = field(default_factory=dict, repr=False)
    _identities: dict[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    _snapshots: dict[str, Snapshot] = field(default_factory=dict, repr=False)
    _touched: dict[str, tuple[frozenset[str], bool]] = field(default_factory=dict, repr=False)
    _released: dict[tuple[str, ...], str] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, objects: Objects, log: GitLog, environment: str, earlier: Sequence[str] = ()) -> Repository:
        """The history of the log's tip, for an environment that takes what was verified in the last of the earlier."""
        if not ENVIRONMENT_NAME.fullmatch(environment):
            raise InputError(
                f"{environment!r} cannot name an environment",
                hint="Use lower-case letters, digits and hyphens for SLIPWAY_ENVIRONMENT.",
            )
        tip = Snapshot(objects=objects, id=log.tip)
        return cls(objects=objects, log=log, tip=tip, environment=environment, earlier=tuple(earlier))

    @cached_property
    def before(self) -> Repository | None:
        """The environment before this one; None where it is the first."""
        return replace(self, environment=self.earlier[-1], earlier=self.earlier[:-1]) if self.earlier else None

    def models(self) -> list[str]:
        """Every model of the tip that is served here or in the environment before; in the first, all with data too."""
        if self.before:
            return sorted({*self.before.served(), *self.served()})
        data = (path.split("/") for path in self.tip.files("data") if path.endswith("/model.toml"))
        return sorted({path[1] for path in data if len(path) == 3} | set(self.served()))  # noqa: PLR2004

    def served(self) -> list[str]:
        """Every model that has a manifest in this environment."""
        paths = (path.split("/") for path in self.tip.files("gitops/models") if path.count("/") > 1)
        return sorted({p[2] for p in paths if "/".join(p) in manifests(p[2], self.environment)})

    def released_aside(self, model: str, key: str) -> str | None:
        """A commit of slipway's, on any line below the tip, that released a key in this environment."""
        if not self._released:
            self._released[()] = ""
            for commit, said in self.log.trailers(MODEL, KEY, ENVIRONMENT):
                self._released.setdefault(said, commit)
        return self._released.get((model, key, self.environment))

    def past(self, model: str) -> ModelPast:
        """One model's part of it."""
        return ModelPast(repository=self, model=model)

    def snapshot(self, commit: str) -> Snapshot:
        """The files of a commit."""
        if commit == self.tip.id:
            return self.tip
        return self._snapshots.setdefault(commit, Snapshot(objects=self.objects, id=commit))

    def shapes(self, entry: LogEntry, model: str) -> bool:
        """Whether a commit may have changed the key of a model."""
        if entry.commit not in self._touched:
            self._touched[entry.commit] = _touched(entry.changed)
        models, shared = self._touched[entry.commit]
        return shared or model in models

    def key(self, model: str, commit: str) -> str | InputError | None:
        """A model's key in a commit; None where there is no such model, and why where it cannot be told."""
        tree = self.snapshot(commit)
        identity = (str(tree.object(str(folder(model)))), *self._shared_identity(tree))
        if (model, *identity) not in self._keys:
            self._keys[model, *identity] = self._computed(model, tree)
        return self._keys[model, *identity]

    def inputs(self, model: str, tree: Snapshot) -> KeyInputs:
        """What a model's key is made of in a tree; `InputError` if it has none."""
        identity = self._shared_identity(tree)
        if identity not in self._shared:
            self._shared[identity] = shared_inputs(tree)
        return key_inputs(tree, model, self._shared[identity])

    def _computed(self, model: str, tree: Snapshot) -> str | InputError | None:
        if tree.object(str(spec_path(model))) is None:
            return None
        try:
            return self.inputs(model, tree).key
        except InputError as error:
            return error

    def _shared_identity(self, tree: Snapshot) -> tuple[str, ...]:
        """The Git objects that are in the key of every model."""
        if tree.id not in self._identities:
            self._identities[tree.id] = tuple(tree.object(path) or "" for path in SHARED)
        return self._identities[tree.id]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A key that could be told; None: there is no such model."""

    key: str | None


@dataclass(frozen=True, kw_only=True)
class ModelPast:
    """What `rule.decide` asks of the past, of one model."""

    repository: Repository
    model: str
    _acts: list[Act] = field(default_factory=list, repr=False)

    @cached_property
    def manifests(self) -> tuple[str, ...]:
        """The manifest's place, on each platform."""
        return manifests(self.model, self.repository.environment)

    @cached_property
    def keys(self) -> Keys:
        """Where the model's keys come from."""
        before = self.repository.before
        return Verified(past=before.past(self.model)) if before else Inputs(past=self)

    def acts(self) -> Iterator[Act]:
        """The commits that changed what is served, newest first. A state that cannot be read is passed over."""
        at = 0
        while at < len(self._acts) or self._more():
            yield self._acts[at]
            at += 1

    def _more(self) -> bool:
        act = next(self._unread, None)
        if act is not None:
            self._acts.append(act)
        return act is not None

    @cached_property
    def _unread(self) -> Iterator[Act]:
        return self._read_acts()

    def _read_acts(self) -> Iterator[Act]:
        entry: LogEntry | None = None
        after: Serving | None = None
        ended: Serving | None = None  # what is served before the act that comes next in time: rebuilt since, perhaps
        for touched in self.touches():
            if entry is None:
                state = self._serving(touched.after)
                if isinstance(state, InputError):
                    continue
                entry, after = touched.entry, state
                ended = ended or state
            before = self._serving(touched.before)
            if isinstance(before, InputError):
                continue
            if what(before) != what(after):
                yield Act(commit=entry.commit, before=before, after=as_it_ended(after, ended))
                ended = before
            entry = None

    def touches(self) -> Iterator[Touch]:
        """The commits that changed the manifest, newest first."""
        now = {path: self.repository.tip.object(path) for path in self.manifests}
        for entry in self.repository.log.touching(*self.manifests):
            older = {path: one.before for path, one in entry.changed.items() if path in now}
            touch = Touch(entry=entry, before={**now, **older}, after=now)
            yield touch
            now = dict(touch.before)

    def servings(self) -> Iterator[tuple[str, Serving | None]]:
        """Each commit that changed the manifest, with what it says since, newest first."""
        for touched in self.touches():
            state = self._serving(touched.after)
            if not isinstance(state, InputError):
                yield touched.entry.commit, state

    def verified(self, key: str) -> Release:
        """The release of a key that was verified here, as it was served last."""
        served = (state.default for _, state in self.servings() if state)
        return next(release for release in served if release.key == key and release.verified)

    def serving_at(self, commit: str) -> Serving | InputError | None:
        """What the manifest of a commit says; None where there is none, and why where it cannot be told."""
        tree = self.repository.snapshot(commit)
        return self._serving({path: tree.object(path) for path in self.manifests})

    def key_at(self, commit: str) -> str | None:
        """The model's key in the tree of a commit; where it cannot be told, the one that it had before."""
        key = self.keys.at(commit)
        if not isinstance(key, InputError):
            return key
        found = next(self._told_before(commit), None)
        return (found and found.key) or self.keys.at_first(commit)

    def key_now(self) -> Told | None:
        """The key that the model is to have; None where none could be told yet, or since it came back."""
        tip = self.repository.tip.id
        key = self.keys.at(tip)
        if not isinstance(key, InputError):
            return Told(key=key)
        found = next(self._told_before(tip), None)
        return found if found and found.key else None

    def _told_before(self, commit: str) -> Iterator[Told]:
        """The keys that it had before a commit in which it cannot be told, newest first."""
        log: Iterable[LogEntry] = self.repository.log
        older = log if commit == self.repository.tip.id else dropwhile(lambda entry: entry.commit != commit, log)
        before = (self._before(entry) for entry in older if self.keys.may_change(entry))
        return (Told(key=key) for key in before if not isinstance(key, InputError))

    def keys_since(self, commit: str, until: str | None = None) -> Iterator[str | None]:
        """Every key that the model had after a commit, up to now, or before another commit."""
        newer: Iterator[LogEntry] = takewhile(lambda entry: entry.commit != commit, self.repository.log)
        if until:
            newer = islice(dropwhile(lambda entry: entry.commit != until, newer), 1, None)
        keys = (self.keys.at(entry.commit) for entry in newer if self.keys.may_change(entry))
        return (key for key in keys if not isinstance(key, InputError))

    def source(self) -> str:
        """The newest commit that changed the model's key, to the one that it has now."""
        now, newest = self.key_at(self.repository.tip.id), ""
        for entry in self.repository.log:
            if not self.keys.may_change(entry):
                continue
            before, newest = self._before(entry), newest or entry.commit
            if isinstance(before, InputError):
                continue
            if before != now:
                return newest
            newest = ""
        return self.repository.tip.id

    def serving_table_at(self, commit: str) -> ServingTable | None:
        """The model's `[serving]` in a commit; None where there is none, or where it cannot be read."""
        return serving_table(self.repository.snapshot(commit), self.model)

    def builder_changed_since(self, commit: str) -> bool:
        """Whether the repository names another builder since a commit, or did in between."""
        newer = takewhile(lambda entry: entry.commit != commit, self.repository.log)
        changes = (entry.changed[project.FILE] for entry in newer if project.FILE in entry.changed)
        return any(self._builder(one.before) != self._builder(one.after) for one in changes)

    def _builder(self, blob: str | None) -> str:
        return project.builder(self.repository.objects.read(blob) if blob else None)

    def _before(self, entry: LogEntry) -> str | InputError | None:
        return self.keys.at(f"{entry.commit}^")

    def _serving(self, blobs: Blobs) -> Serving | InputError | None:
        return read_blobs(self.repository.objects, blobs)


def serving_table(tree: Snapshot, model: str) -> ServingTable | None:
    """A model's `[serving]` in a tree; None where there is none, or where it cannot be read."""
    path = str(spec_path(model))
    if (source := tree.read(path)) is None:
        return None
    try:
        table: Any = parse_toml(source, path).get("serving", {})
        return ServingTable.model_validate(table)
    except (ValueError, InputError):
        return None


def _touched(paths: Iterable[str]) -> tuple[frozenset[str], bool]:
    """The models whose folders these paths lie in, and whether one of them shapes every model."""
    parts = [path.split("/", 2) for path in paths]
    models = frozenset(p[1] for p in parts if p[0] == "data" and len(p) > 2)  # noqa: PLR2004  data/<model>/...
    return models, any(path in SHARED or path.startswith(f"{TRAINING}/") for path in paths)
