"""What earlier versions wrote is read, verifies, and would be written to the byte as it is."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import pytest

from smartwatts_ml.objects import Objects, open_root
from smartwatts_ml.runs.claims import Claim, other_claim
from smartwatts_ml.runs.state import ModelState, read_state
from smartwatts_ml.store import HistoryEntry, Manifest, Pointer, Store
from smartwatts_ml.store.canonical import Canonical

KEPT = Path(__file__).with_name("kept")
SOON = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def objects() -> Objects:
    return open_root(str(KEPT / "root"), writable=False)


def test_a_kept_store_verifies(objects: Objects) -> None:
    store = Store(objects, KEPT / "keys", clock=lambda: SOON)
    audit = store.verify("nilm")
    assert (audit.entries, audit.versions, audit.findings) == (3, 2, ())
    assert [(e.version, e.action) for e in store.history("nilm")] == [
        (1, "promote"),
        (2, "force"),
        (1, "rollback"),
    ]


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [("nilm_v*.json", Manifest), ("history/*.json", HistoryEntry), ("champion.json", Pointer)],
)
def test_a_document_is_written_as_it_was(pattern: str, kind: type[Canonical]) -> None:
    paths = sorted((KEPT / "root/models/nilm").glob(pattern))
    assert paths
    for path in paths:
        payload = b64decode(json.loads(path.read_bytes())["payload"])
        assert kind.parse(payload).to_bytes() == payload


def test_states_and_claims_keep_what_they_said(objects: Objects) -> None:
    for name, kind in (("nilm", ModelState), ("anomaly", ModelState), ("claims/nilm", Claim)):
        data = objects.read(f"state/{name}.json").data
        assert json.loads(data).items() <= json.loads(kind.parse(data).to_bytes()).items()
    state = read_state(objects, "nilm")
    assert state is not None and state.snapshot is not None
    assert (state.snapshot.version, state.rows, state.failures) == (41, 1000, 1)
    claim = other_claim(objects, "nilm", "run4", datetime(2026, 11, 28, 20, tzinfo=UTC))
    assert claim is not None and claim.run_id == "run3"
