"""The repository's rules, as a file that Prometheus reads."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from slipway.rehearsal import rules

REPOSITORY = Path(__file__).parents[3]


def test_all_groups_of_all_rules_are_taken_and_nothing_else(tmp_path: Path) -> None:
    place = tmp_path / rules.PLACE
    (place / "more").mkdir(parents=True)
    one: dict[str, object] = {"name": "one", "rules": []}
    two = {**one, "name": "two"}
    (place / "a.yaml").write_text(yaml.safe_dump({"kind": "PrometheusRule", "spec": {"groups": [one]}}))
    (place / "b.yaml").write_text(yaml.safe_dump({"kind": "ServiceMonitor", "spec": {"groups": [7]}}) + "---\n- 3\n")
    (place / "more" / "c.yaml").write_text(yaml.safe_dump({"kind": "PrometheusRule", "spec": {"groups": [two]}}))
    assert yaml.safe_load(rules.of(tmp_path, day=10)) == {"groups": [one, two]}


def test_a_day_is_a_few_seconds(tmp_path: Path) -> None:
    place = tmp_path / rules.PLACE
    place.mkdir(parents=True)
    alert = {"alert": "A", "expr": "increase(a[1d]) > b[1h]", "for": "1h", "labels": {"severity": "warning"}}
    record = {"record": "b", "expr": 7}
    groups = [{"name": "one", "interval": "5m", "rules": [record, alert]}]
    (place / "a.yaml").write_text(yaml.safe_dump({"kind": "PrometheusRule", "spec": {"groups": groups}}))
    (group,) = yaml.safe_load(rules.of(tmp_path, day=10))["groups"]
    quick = {**alert, "expr": "increase(a[10s]) > b[1h]", "for": "1s"}
    assert group == {"name": "one", "rules": [{"record": "b", "expr": "7"}, quick]}


def test_where_there_are_none(tmp_path: Path) -> None:
    assert yaml.safe_load(rules.of(tmp_path, day=10)) == {"groups": []}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_our_own_are_what_prometheus_reads(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rules.of(REPOSITORY, day=10))
    command = ["promtool", "check", "rules", "rules.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
