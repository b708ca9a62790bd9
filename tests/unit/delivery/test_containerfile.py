"""What the images are built of: bases by digest, locked packages, scripts without a slip."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from slipway.delivery import oci, sbom

ROOT = Path(__file__).parents[3]
CONTAINERFILE = (ROOT / "Containerfile").read_text()
BIN = ROOT / "src" / "slipway" / "serving" / "bin"


def test_every_base_is_named_by_its_digest() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", CONTAINERFILE, re.MULTILINE))
    stages = dict(reversed(pair) for pair in re.findall(r"^FROM (\S+) AS (\S+)$", CONTAINERFILE, re.MULTILINE))
    assert arguments
    assert stages.keys() >= {"serving", "tools", "images"}
    bases = {re.sub(r"\$\{(\w+)\}", lambda name: arguments[name[1]], base) for base in stages.values()}
    assert all(re.fullmatch(r"[\w./-]+@sha256:[0-9a-f]{64}", base) for base in bases - stages.keys())
    assert CONTAINERFILE.count("\nFROM ") == len(stages)


@pytest.mark.parametrize("target", ["serving", "tools"])
def test_an_image_runs_as_nobody_in_particular(target: str) -> None:
    stage = CONTAINERFILE.split(f" AS {target}\n")[1].split("\nFROM ")[0]
    assert re.findall(r"^USER (\S+)$", stage, re.MULTILINE)[-1] == "1001"
    assert "HOME=/tmp" in stage
    assert "uv.txt" not in stage


def test_the_installer_is_pinned_with_its_digests() -> None:
    lines = [line for line in (BIN / "uv.txt").read_text().splitlines() if not line.startswith("#")]
    assert re.fullmatch(r"uv==\d+\.\d+\.\d+ \\", lines[0])
    assert all(re.fullmatch(r"  --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in lines[1:])


def test_slipway_finds_in_an_image_what_the_containerfile_puts_there() -> None:
    assert f"/{oci.MODEL_FOLDER}" in CONTAINERFILE
    assert f"/{sbom.BUILDERS_LIST}" in CONTAINERFILE
    assert f'"/{oci.MODEL_FOLDER}"' in (BIN / "assemble").read_text()


@pytest.mark.parametrize("name", ["assemble", "run", "usage"])
def test_a_script_is_without_a_slip(name: str) -> None:
    if (shellcheck := shutil.which("shellcheck")) is None:
        pytest.skip("there is no shellcheck")
    done = subprocess.run([shellcheck, BIN / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["assemble", "run", "usage", "slipway"])
def test_a_script_can_be_run(name: str) -> None:
    assert (BIN / name).stat().st_mode & 0o111
