"""A model's past, read from a real repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.adapters.git import Git
from slipway.adapters.git_log import GitLog
from slipway.adapters.objects import Objects
from slipway.delivery import writer
from slipway.delivery.manifest import Release, Serving
from slipway.errors import InputError
from slipway.plan.past import PATHS, ModelPast, Repository, serving_table

MANIFEST = "gitops/models/toy/production/seldon-deployment.yaml"
type Say = Callable[[str], str]


def release(letter: str) -> Release:
    image = f"registry.example/toy@sha256:{letter * 64}"
    return Release(key=letter * 64, image=image, commit=letter * 40, metrics={})


FIRST = writer.first("toy", release("a"), replicas=2)
TRIAL = writer.with_canary(FIRST, MANIFEST, release("b"), percent=10)
SECOND = writer.promoted(TRIAL, MANIFEST)


class Desk:
    """Where manifests are written and read again."""

    def __init__(self, git: Git, commit: Say) -> None:
        self.git = git
        self.commit = commit
        self.objects = Objects(git.root)

    def serve(self, content: bytes | None, model: str = "toy") -> str:
        path = self.git.root / MANIFEST.replace("toy", model)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if content is None else path.write_bytes(content)
        return self.commit("Serve")

    def edit(self, path: str, old: str, new: str) -> str:
        file = self.git.root / path
        file.write_text(file.read_text().replace(old, new))
        return self.commit(f"Edit {path}")

    def repository(self, environment: str = "production") -> Repository:
        log = GitLog(root=self.git.root, tip=self.git.run("rev-parse", "HEAD"), paths=PATHS)
        return Repository.at(self.objects, log, environment)

    def past(self, model: str = "toy") -> ModelPast:
        return self.repository().past(model)

    def acts(self) -> list[tuple[str, str, str]]:
        return [(act.commit, keys(act.before), keys(act.after)) for act in self.past().acts()]


def keys(serving: Serving | None) -> str:
    if serving is None:
        return ""
    return serving.default.key[0] + (serving.canary.key[0] if serving.canary else "")


@pytest.fixture
def desk(repository: Git, commit: Say) -> Iterator[Desk]:
    found = Desk(repository, commit)
    yield found
    found.objects.close()


def test_acts_are_what_changes_what_is_served(desk: Desk) -> None:
    assert desk.acts() == []
    one, two, three = desk.serve(FIRST), desk.serve(TRIAL), desk.serve(SECOND)
    four = desk.serve(None)
    assert desk.acts() == [(four, "b", ""), (three, "ab", "b"), (two, "a", "ab"), (one, "", "a")]


@pytest.mark.parametrize(
    "content",
    [
        FIRST.replace(b"replicas: 2", b"replicas: 7"),
        FIRST.replace(b"memory: 1Gi", b"memory: 2Gi"),
        FIRST + b"# a comment\n",
        writer.restored(
            FIRST, MANIFEST, Release(**{**vars(release("a")), "commit": "c" * 40, "metrics": {"rmse": 1.0}})
        ),
    ],
    ids=["replicas", "resources", "comment", "annotations"],
)
def test_how_it_is_served_is_no_act(desk: Desk, content: bytes) -> None:
    first = desk.serve(FIRST)
    desk.serve(content)
    assert desk.acts() == [(first, "", "a")]


def test_another_share_of_the_traffic_is_no_act(desk: Desk) -> None:
    first, trial = desk.serve(FIRST), desk.serve(TRIAL)
    desk.serve(writer.configured(TRIAL, MANIFEST, replicas=2, percent=50))
    assert desk.acts() == [(trial, "a", "ab"), (first, "", "a")]


def rebuilt(content: bytes, letter: str, digit: str) -> bytes:
    return writer.rebuilt(content, MANIFEST, letter * 64, f"registry.example/toy@sha256:{digit * 64}")


def test_another_image_of_the_same_key_is_no_act(desk: Desk) -> None:
    first, trial = desk.serve(FIRST), desk.serve(TRIAL)
    desk.serve(rebuilt(TRIAL, "a", "1"))
    desk.serve(TRIAL)
    assert desk.acts() == [(trial, "a", "ab"), (first, "", "a")]


def images(serving: Serving | None) -> str:
    releases = (serving.default, serving.canary) if serving else ()
    return "".join(release.image[-1] for release in releases if release)


def test_an_act_has_the_images_that_its_releases_had_in_the_end(desk: Desk) -> None:
    desk.serve(FIRST)
    desk.serve(on_one := rebuilt(FIRST, "a", "1"))
    desk.serve(trial := writer.with_canary(on_one, MANIFEST, release("b"), percent=10))
    desk.serve(b"{")
    desk.serve(trial := rebuilt(rebuilt(trial, "a", "2"), "b", "2"))
    desk.serve(writer.promoted(trial, MANIFEST))
    desk.serve(None)
    found = [(images(act.before), images(act.after)) for act in desk.past().acts()]
    assert found == [("2", ""), ("22", "2"), ("1", "22"), ("", "1")]


def builder(desk: Desk, digit: str) -> str:
    file = desk.git.root / "pyproject.toml"
    table = f"\n[tool.slipway]\nbuilder = 'b@sha256:{digit}'\n"
    file.write_text(file.read_text().partition("\n[tool.slipway]")[0] + (table if digit else ""))
    return desk.commit(f"Build on {digit}")


def test_another_builder_since_is_seen(desk: Desk) -> None:
    one = desk.serve(FIRST)
    assert not desk.past().builder_changed_since(one)
    builder(desk, "1")
    two = desk.serve(TRIAL)
    assert desk.past().builder_changed_since(one)
    assert not desk.past().builder_changed_since(two)
    builder(desk, "2")
    builder(desk, "1")
    three = desk.serve(SECOND)
    assert desk.past().builder_changed_since(two), "it is the same again, and was another in between"
    desk.edit("pyproject.toml", "[tool.slipway]", "[tool.slipway]  # ours")
    assert not desk.past().builder_changed_since(three)


def test_another_model_or_environment_is_no_act(desk: Desk) -> None:
    desk.serve(FIRST, model="other")
    assert desk.acts() == []
    desk.serve(FIRST)
    assert list(desk.repository("staging").past("toy").acts()) == []


def test_states_that_cannot_be_read_are_passed_over(desk: Desk) -> None:
    broken = [b"{", FIRST.replace(b"sha256:", b"latest:"), b""]
    first = desk.serve(FIRST)
    for content in broken:
        desk.serve(content)
    desk.serve(FIRST)
    assert desk.acts() == [(first, "", "a")]
    for content in broken:
        desk.serve(content)
    mended = desk.serve(TRIAL)
    assert desk.acts() == [(mended, "a", "ab"), (first, "", "a")]


def test_a_state_that_cannot_be_read_now_has_the_past_that_it_had(desk: Desk) -> None:
    first = desk.serve(FIRST)
    desk.serve(b"{")
    assert desk.acts() == [(first, "", "a")]


def test_a_manifest_that_began_broken_began_where_it_was_mended(desk: Desk) -> None:
    desk.serve(b"{")
    mended = desk.serve(FIRST)
    assert desk.acts() == [(mended, "", "a")]


def test_servings_are_every_state_that_can_be_read(desk: Desk) -> None:
    one, _, three = desk.serve(FIRST), desk.serve(b"{"), desk.serve(FIRST.replace(b"replicas: 2", b"replicas: 3"))
    found = [(commit, serving.replicas if serving else None) for commit, serving in desk.past().servings()]
    assert found == [(three, 3), (one, 2)]


def test_the_source_is_the_commit_that_made_the_key_what_it_is(desk: Desk) -> None:
    assert desk.past().source() == desk.git.run("rev-parse", "HEAD")
    changed = desk.edit("data/toy/model.toml", "trials = 4", "trials = 5")
    (desk.git.root / "data/toy/README.md").write_text("Where the data come from.\n")
    desk.commit("Explain")
    desk.serve(FIRST)
    assert desk.past().source() == changed
    back = desk.edit("data/toy/model.toml", "trials = 5", "trials = 4")
    assert desk.past().source() == back


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("src/slipway/training/seeds.py", "import", "import "),
        (".python-version", "3.12", "3.12.1"),
        ("data/toy/train.csv", "width", "Width"),
    ],
)
def test_whatever_shapes_a_model_changes_its_key(desk: Desk, path: str, old: str, new: str) -> None:
    before = desk.git.run("rev-parse", "HEAD")
    changed = desk.edit(path, old, new)
    past = desk.past()
    assert past.key_at(before) != past.key_at(changed)
    assert past.source() == changed
    assert list(past.keys_since(before)) == [past.key_at(changed)]


def test_keys_since_a_commit_are_those_of_later_ones(desk: Desk) -> None:
    before = desk.serve(FIRST)
    made = [desk.edit("data/toy/model.toml", f"trials = {n}", f"trials = {n + 1}") for n in (4, 5)]
    past = desk.past()
    assert list(past.keys_since(before)) == [past.key_at(commit) for commit in reversed(made)]
    assert list(past.keys_since(made[-1])) == []


def test_a_model_that_is_not_there_has_no_key(desk: Desk) -> None:
    tip = desk.git.run("rev-parse", "HEAD")
    assert desk.past("absent").key_at(tip) is None
    assert desk.past().key_at(f"{tip}^") is None


def test_models_have_data_or_a_manifest_here(desk: Desk) -> None:
    desk.serve(FIRST, model="served")
    desk.edit(MANIFEST.replace("toy", "served"), "replicas: 2", "replicas: 3")
    for path in ("data/stray.csv", "data/empty/README.md", "gitops/models/README.md", "gitops/models/else/staging/x"):
        (desk.git.root / path).parent.mkdir(parents=True, exist_ok=True)
        (desk.git.root / path).write_text("1\n")
    desk.commit("Add")
    assert desk.repository().models() == ["served", "toy"]
    assert desk.repository("staging").models() == ["toy"]


@pytest.mark.parametrize("environment", ["", "Production", "a/b", "../x", "a" * 41, "1a", "a b"])
def test_an_environment_is_a_plain_name(desk: Desk, environment: str) -> None:
    with pytest.raises(InputError, match="SLIPWAY_ENVIRONMENT"):
        desk.repository(environment)


@pytest.mark.parametrize(
    ("text", "replicas"),
    [
        (b"", 2),
        (b"[serving]\nreplicas = 3\n", 3),
        (b"[serving]\nreplicas = 0\n", None),
        (b"[serving\n", None),
        (b"serving = 1\n", None),
    ],
)
def test_how_a_model_is_to_be_served(desk: Desk, text: bytes, replicas: int | None) -> None:
    (desk.git.root / Path("data/toy/model.toml")).write_bytes(text)
    desk.commit("Edit")
    found = serving_table(desk.repository().tip, "toy")
    assert (found.replicas if found else None) == replicas
    assert serving_table(desk.repository().tip, "absent") is None
