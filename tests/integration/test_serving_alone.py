"""The locked packages of the group `serving`, installed by themselves, serve a model: no training library is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.served import golden_difference, make

from slipway.adapters import server
from slipway.adapters.endpoint import Endpoint
from slipway.delivery.source_image import source

ROOT = Path(__file__).parents[2]
UNWANTED = ("sklearn", "xgboost", "onnx", "skl2onnx", "pandas", "ray", "mlflow", "great_expectations", "boto3")


def uv() -> str:
    """The uv that `make setup` used."""
    for program in (ROOT / ".tools" / "bin" / "uv", shutil.which("uv")):
        if program and subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0:
            return str(program)
    pytest.skip("there is no uv that answers, which make setup installs")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with the serving packages, and with what of slipway a model's image holds."""
    venv = tmp_path_factory.mktemp("alone") / "venv"
    environ = os.environ | {"UV_PROJECT_ENVIRONMENT": str(venv), "UV_SYSTEM_CERTS": "true", "UV_COMPILE_BYTECODE": "0"}
    options = ["--frozen", "--quiet", "--only-group", "serving", "--no-install-project", "--python", sys.executable]
    subprocess.run([uv(), "sync", *options], cwd=ROOT, env=environ, check=True)
    package = venv / "lib" / "python3.12" / "site-packages" / "slipway"
    package.mkdir()
    shutil.copy(ROOT / "src" / "slipway" / "__init__.py", package)
    shutil.copytree(ROOT / "src" / "slipway" / "serving", package / "serving")
    return venv / "bin" / "python"


@pytest.mark.slow
def test_the_serving_packages_alone_serve_a_model(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make("classification", tmp_path / "repository")
    look = f"import importlib.util as u; print([name for name in {UNWANTED} if u.find_spec(name)])"
    found = subprocess.run([python, "-c", look], capture_output=True, check=True, text=True)
    assert found.stdout.strip() == "[]"
    monkeypatch.setattr(sys, "executable", str(python))
    with server.serve(source(made.card, made.onnx)) as running:
        assert golden_difference(Endpoint(url=running.url), made.card) <= made.card.parity.tolerance
