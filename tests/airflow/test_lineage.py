"""What OpenLineage is told of a published version; without its provider nothing."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from smartwatts_airflow.lineage import dataset_of, tell_ingested, tell_published

from smartwatts_ml.objects import open_root
from smartwatts_ml.stages.observed import made_of, readings_address
from smartwatts_ml.store import Store
from tests.store.helpers import FIELDS, publish


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SMARTWATTS_KEYS", str(tmp_path / "keys"))
    where = str(tmp_path / "root")
    publish(Store(open_root(where), tmp_path / "keys"), "nilm", "run1")
    return where


def test_a_version_is_made_of_the_snapshot_that_its_manifest_names(root: str) -> None:
    made = made_of(root, "nilm", 1)
    assert made["snapshot"] == FIELDS["snapshot"]["version"]
    assert dataset_of(made["readings"]) == ("file", f"{root}/readings")
    assert dataset_of(made["model"]) == ("file", f"{root}/models/nilm")
    assert made["readings"] == readings_address(root)


@pytest.mark.skipif(find_spec("openlineage") is not None, reason="its provider may be on here")
def test_without_the_provider_nobody_is_told_and_nothing_is_read() -> None:
    tell_published("s3://nobody/asks", "nilm", 1)
    tell_ingested("s3://nobody/asks", {"snapshot": {"version": 4}})
