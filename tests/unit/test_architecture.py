"""The walls that the design stands on."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "slipway"
HEAVY = {
    "githubkit",
    "hishel",
    "httpx",
    "jwt",
    "lightkube",
    "boto3",
    "great_expectations",
    "matplotlib",
    "mlflow",
    "numpy",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "pyarrow",
    "ray",
    "scipy",
    "skl2onnx",
    "sklearn",
    "xgboost",
}


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield f"slipway.{file.parent.name}.{node.module}" if node.level else node.module


def modules(folder: str) -> list[Path]:
    found = sorted((SOURCE / folder).rglob("*.py"))
    assert found, f"{folder} is gone: mend this test"
    return found


def test_serving_stands_on_its_own_packages_alone() -> None:
    """The image of a model holds these, Python's own library, and nothing else."""
    group = {"a2wsgi", "flask", "google", "grpc", "numpy", "onnxruntime", "orjson", "seldon_core", "uvicorn"}
    group |= {"gunicorn", "uvicorn_worker", "werkzeug"}
    imported = {
        name if name.startswith("slipway.") else name.split(".")[0]
        for file in modules("serving")
        for name in imports(file)
    }
    own = {name for name in imported if name == "slipway.serving" or name.startswith("slipway.serving.")}
    assert imported - own - set(sys.stdlib_module_names) == group


def test_training_imports_nothing_else_of_slipway() -> None:
    outside = {
        f"{file.relative_to(SOURCE)}: {name}"
        for file in modules("training")
        for name in imports(file)
        if name.startswith("slipway") and not name.startswith("slipway.training")
    }
    assert not outside


def test_every_package_that_training_imports_is_in_the_key() -> None:
    project = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text())
    group = {re.split(r"[<>=!\[ ]", entry)[0] for entry in project["dependency-groups"]["training"]}
    distributions = packages_distributions()
    used = {
        distributions[name.split(".")[0]][0].lower()
        for file in modules("training")
        for name in imports(file)
        if name.split(".")[0] in distributions and not name.startswith("slipway")
    }
    assert used - {"pydantic"} <= group  # pydantic checks a recipe, it shapes no model


def test_stages_do_not_import_each_other() -> None:
    crossing = {
        f"{file.stem} -> {name}"
        for file in modules("stages")
        for name in imports(file)
        if name.startswith("slipway.stages.") and name != f"slipway.stages.{file.stem}" and file.stem != "__init__"
    }
    assert not crossing


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("gate", ("slipway.adapters", "slipway.stages", "slipway.report")),
        ("report", ("slipway.adapters", "slipway.stages", "slipway.pipeline")),
        ("adapters", ("slipway.stages", "slipway.report", "slipway.pipeline", "slipway.cli")),
        ("validation", ("slipway.adapters", "slipway.stages", "slipway.report")),
        ("delivery", ("slipway.adapters", "slipway.plan", "slipway.report", "slipway.stages")),
        ("plan", ("slipway.commands", "slipway.pipeline", "slipway.release", "slipway.report", "slipway.stages")),
        ("rehearsal", ("slipway.commands", "slipway.pipeline", "slipway.release", "slipway.stages")),
        ("stages", ("slipway.commands", "slipway.pipeline", "slipway.release")),
        ("bundle", ("slipway.adapters.github", "slipway.commands", "slipway.forge", "slipway.stages")),
        ("doctor", ("slipway.cli", "slipway.commands", "slipway.pipeline", "slipway.stages")),
        ("live", ("slipway.adapters", "slipway.commands", "slipway.plan", "slipway.release", "slipway.stages")),
        ("trial", ("slipway.commands", "slipway.forge", "slipway.release", "slipway.stages")),
        ("watch", ("slipway.commands", "slipway.forge", "slipway.release", "slipway.stages")),
        ("forge", ("slipway.adapters.github", "slipway.cli", "slipway.commands", "slipway.pipeline")),
    ],
)
def test_imports_run_one_way(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = {f"{f.relative_to(SOURCE)}: {n}" for f in modules(folder) for n in imports(f) if n.startswith(forbidden)}
    assert not wrong


QUICK = (
    ["--help"], ["plan"], ["key", "iris"], ["status"], ["history", "iris"], ["ci", "gate", "data", "--models", "[]"],
)  # fmt: skip


@pytest.mark.parametrize("command", QUICK)
def test_quick_commands_import_nothing_heavy(command: list[str]) -> None:
    script = (
        "import sys\nfrom slipway.cli import main\n"
        f"try:\n    main({command!r})\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('HEAVY', sorted({HEAVY!r} & {{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=SOURCE.parents[1]
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_modules_do_nothing_when_imported() -> None:
    """A module's own statements are imports, definitions, constants and docstrings."""
    allowed = (
        ast.Import,
        ast.ImportFrom,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
        ast.ClassDef,
        ast.Assign,
        ast.AnnAssign,
        ast.If,
        ast.TypeAlias,
    )
    doing = {
        f"{file.relative_to(SOURCE)}:{node.lineno}"
        for file in sorted(SOURCE.rglob("*.py"))
        if file.parent.name != "cli"  # typer is told of its sub-commands
        for node in ast.parse(file.read_text()).body
        if not isinstance(node, allowed) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    }
    assert not doing
