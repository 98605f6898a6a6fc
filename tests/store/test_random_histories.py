"""Any sequence of publishing, rolling back and dying keeps the store whole."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartwatts_ml.errors import NotFoundError
from smartwatts_ml.objects import open_root
from smartwatts_ml.store import Store
from tests.store.helpers import FragileObjects, PowerCutError, content, publish

RUNS = [f"run{n}" for n in range(5)]
DEATHS = st.one_of(st.none(), st.tuples(st.integers(1, 4), st.booleans()))
STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("publish"), st.sampled_from(RUNS)),
            st.tuples(st.just("rollback"), st.integers(1, 4)),
            st.tuples(st.just("resign"), st.none()),
        ),
        DEATHS,
    ),
    max_size=10,
)


def check(store: Store, seen: dict[int, bytes]) -> None:
    """Nothing that was ever committed changes, and all of it verifies."""
    chain = store.history("nilm")
    for entry in chain:
        committed = entry.commit_id.encode() + str(entry.version).encode()
        assert seen.setdefault(entry.serial, committed) == committed
    assert len(seen) == len(chain)
    champion = store.champion("nilm")
    assert (champion.version if champion else None) == (chain[-1].version if chain else None)
    promoted = [entry.run_id for entry in chain if entry.action == "promote"]
    assert len(set(promoted)) == len(promoted)
    if champion:
        assert champion.read_file() == content(champion.manifest.run_id)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, derandomize=True)
@given(STEPS)
def test_any_sequence_of_steps_and_deaths_keeps_the_store_whole(steps: list) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects, keys = open_root(f"{folder}/root"), Path(folder) / "keys"
        calm, seen = Store(objects, keys), dict[int, bytes]()
        for (action, argument), death in steps:
            die_at, after = death or (None, False)
            store = Store(FragileObjects(objects, die_at, after), keys)
            try:
                if action == "publish":
                    publish(store, "nilm", argument)
                elif action == "rollback":
                    store.rollback("nilm", argument, "bob", "why")
                else:
                    store.resign("nilm")
            except (PowerCutError, NotFoundError):
                pass
            check(calm, seen)
        for run_id in RUNS:
            publish(calm, "nilm", run_id)
            check(calm, seen)
        chain = calm.history("nilm")
        assert {e.run_id for e in chain if e.action == "promote"} == set(RUNS)
        assert calm.pointer("nilm").serial == len(chain)
