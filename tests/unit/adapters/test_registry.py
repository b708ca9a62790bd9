"""What is decided about the registry, and what a fault of it looks like to people."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.adapters.registry import Registry
from slipway.adapters.registry_mirror import one_line
from slipway.adapters.registry_steps import Call, Found, Step, Version, Wanted, decide

A, B = "a1" * 32, "b2" * 32


def wanted(champion: str | None = None, challenger: str | None = None, *others: str) -> Wanted:
    keys = [key for key in (champion, challenger, *others) if key]
    images = {key: f"registry.example/iris@sha256:{key}" for key in keys}
    return Wanted(model="iris", champion=champion, challenger=challenger, images=images, commit="c0ffee")


def version(number: int, key: str, commit: str = "c0ffee") -> Version:
    return Version(number=number, key=key, image=f"registry.example/iris@sha256:{key}", commit=commit)


def found(*versions: Version, **aliases: Version) -> Found:
    by_key: dict[str, list[Version]] = {}
    for one in versions:
        by_key.setdefault(str(one.key), []).append(one)
    missing = {key: {"source": f"slipway:///iris/{key}/challenger"} for key in (A, B) if key not in by_key}
    return Found(aliases=aliases, versions=by_key, sources=missing)


NOTHING = Found(exists=False, sources=found().sources)
V1, V2 = version(1, A), version(2, B)


def calls(steps: Sequence[Step]) -> list[Call]:
    return [step.call for step in steps]


@pytest.mark.parametrize(
    ("git", "registry", "expected"),
    [
        (wanted(A), NOTHING, [Call.CREATE_MODEL, Call.CREATE_VERSION]),
        (wanted(A), found(), [Call.CREATE_VERSION]),
        (wanted(A), found(V1), [Call.SET_ALIAS]),
        (wanted(A), found(version(1, A, "older")), [Call.TAG, Call.SET_ALIAS]),
        (wanted(A), found(version(1, A, "older"), champion=V1), []),
        (wanted(A), found(V1, champion=V1), []),
        (wanted(A, B), found(V1, champion=V1), [Call.CREATE_VERSION]),
        (wanted(A, B), found(V1, V2, champion=V2), [Call.SET_ALIAS, Call.SET_ALIAS]),
        (wanted(B, None), found(V1, V2, champion=V2, challenger=V2), [Call.DELETE_ALIAS]),
        (wanted(A), found(version(1, A), version(3, A), champion=V1), [Call.DELETE_VERSION]),
        (wanted(A), found(Version(number=1, key=A, image="other"), champion=V1), [Call.TAG]),
        (wanted(), found(V1, champion=V1, challenger=V2), [Call.DELETE_ALIAS, Call.DELETE_ALIAS]),
        (wanted(), NOTHING, []),
        (wanted(A), found(V1, champion=V1, blessed=V2), []),
    ],
    ids=[
        "new model",
        "new key",
        "new champion",
        "the commit before the alias",
        "a later commit that says the same",
        "nothing to do",
        "a canary",
        "moved by hand",
        "promoted",
        "two of one key",
        "another image",
        "gone from Git",
        "never there",
        "somebody's own alias",
    ],
)
def test_what_is_done(git: Wanted, registry: Found, expected: list[Call]) -> None:
    assert calls(decide(git, registry)) == expected


def test_people_read_where_an_alias_was_and_is() -> None:
    by_hand = Version(number=7)
    lines = [step.line for step in decide(wanted(B), found(V1, V2, champion=V1, challenger=by_hand))]
    assert lines == ["iris: champion a1a1a1a1 -> b2b2b2b2", "iris: challenger version 7 -> none"]


KEYS = st.sampled_from([None, A, B])
VERSIONS = st.lists(st.builds(version, st.integers(1, 9), st.sampled_from([A, B])), unique_by=lambda one: one.number)


def after(registry: Found, steps: Sequence[Step]) -> Found:
    """What a registry has that was asked for these steps, as MLflow documents them."""
    versions = {one.number: one for several in registry.versions.values() for one in several}
    aliases = dict(registry.aliases)
    for step in steps:
        told = step.arguments
        match step.call:
            case Call.CREATE_VERSION:
                number = max(versions, default=0) + 1
                versions[number] = version(number, told["tags"]["slipway.key"])
            case Call.DELETE_VERSION:
                versions.pop(int(told["version"]))
                aliases = {alias: one for alias, one in aliases.items() if one.number != int(told["version"])}
            case Call.SET_ALIAS:
                aliases[told["alias"]] = versions[int(told["version"])]
            case Call.DELETE_ALIAS:
                aliases.pop(told["alias"])
    return found(*sorted(versions.values(), key=lambda one: one.number), **aliases)


@given(champion=KEYS, challenger=KEYS, versions=VERSIONS, data=st.data())
def test_whatever_it_was_two_rounds_make_it_what_git_says(
    champion: str | None, challenger: str | None, versions: list[Version], data: st.DataObject
) -> None:
    git = wanted(champion, challenger)
    present = sorted(versions, key=lambda one: one.number)
    named = data.draw(st.dictionaries(st.sampled_from(["champion", "challenger"]), st.sampled_from(present or [V1])))
    registry = found(*present, **(named if present else {}))
    for _ in range(2):
        registry = after(registry, decide(git, registry))
    assert not decide(git, registry)
    assert {alias: one.key for alias, one in registry.aliases.items()} == {
        alias: key for alias, key in (("champion", champion), ("challenger", challenger)) if key
    }
    assert all(len(registry.versions[key]) == 1 for key in git.images)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("\n  no such table\n(Background on this error at: https://example.org)"), "no such table"),
        (KeyError(), "KeyError"),
        (OSError("http://ann:secret@host/api said no"), "http://host/api said no"),
        (OSError(f"{'a' * 280} http://ann:{'secret' * 9}@host"), f"{'a' * 280} http://host"),
    ],
)
def test_a_problem_is_one_line_without_credentials(error: Exception, line: str) -> None:
    assert one_line(error) == line


def test_what_kept_mlflow_from_its_server_is_named() -> None:
    error = ValueError("API request failed, in many words")
    error.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert one_line(error) == "MLflow cannot be reached: Connection refused"


def test_the_address_does_not_show() -> None:
    assert "secret" not in repr(Registry(uri="https://user:secret@host"))
