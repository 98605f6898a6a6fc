"""Any sequence of publishing, offering, rolling back, pruning, signing, dying and pulling in
between keeps the store whole."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from smartwatts_ml.errors import CandidateOutError, NotFoundError, TrustError, UsageError
from smartwatts_ml.objects import open_root
from smartwatts_ml.pulling import Gateway
from smartwatts_ml.store import FirstRing, Store
from smartwatts_ml.store.layout import TIMESTAMP_KEY
from tests.store.helpers import Clock, FragileObjects, PowerCutError, content, publish, with_keys

RUNS = st.integers(0, 5).map("run{}".format)
SHARES = st.sampled_from((2_500, 5_000, 9_999))
GATEWAY = Gateway("home7")
DEATHS = st.one_of(st.none(), st.tuples(st.integers(1, 6), st.booleans()))


class PulledAt(FragileObjects):
    """Objects of which a gateway pulls before every write."""

    def __init__(self, pull: Callable[[], None], *args: Any) -> None:
        super().__init__(*args)
        self._pull = pull

    def _write(self, write: Any, *args: Any) -> Any:
        self._pull()
        return super()._write(write, *args)


class Histories(RuleBasedStateMachine):
    """``committed`` is what was ever read from the history; nothing of it may change."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.objects = open_root(str(self.folder / "root"))
        self.calm = with_keys(Store(self.objects, self.folder / "keys", clock=self.clock))
        self.committed: dict[int, tuple[str, int, str]] = {}
        self.pulled = 0
        patience = mock.patch("smartwatts_ml.store.committing._PATIENCE_S", 0.0)
        patience.start()
        self.patience = patience

    def teardown(self) -> None:
        self.patience.stop()
        shutil.rmtree(self.folder)

    @rule(run_id=RUNS, death=DEATHS)
    def publish(self, run_id: str, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: publish(store, "nilm", run_id))

    @rule(version=st.integers(1, 8), death=DEATHS)
    def roll_back(self, version: int, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: store.rollback("nilm", version, "bob", "why"))

    @rule(run_id=RUNS, share=SHARES, days=st.integers(1, 4), death=DEATHS)
    def offer(self, run_id: str, share: int, days: int, death: tuple[int, bool] | None) -> None:
        ring = FirstRing(share, days)
        self._change(death, lambda store: publish(store, "nilm", run_id, ring=ring))

    @rule(share=SHARES, death=DEATHS)
    def widen(self, share: int, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: store.rollouts.widen("nilm", share, 2, "bob", "why"))

    @rule(death=DEATHS)
    def halt(self, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: store.rollouts.halt("nilm", "bob", "why"))

    @rule(death=DEATHS)
    def put_candidate_in_force(self, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: store.rollouts.promote("nilm", "bob", "why"))

    @rule(death=DEATHS)
    def sign_again(self, death: tuple[int, bool] | None) -> None:
        self._change(death, lambda store: store.renew())

    @rule(keep=st.integers(1, 3), days=st.integers(0, 2), death=DEATHS)
    def prune(self, keep: int, days: int, death: tuple[int, bool] | None) -> None:
        older_than = timedelta(days=days)
        self._change(death, lambda store: store.prune("nilm", keep=keep, older_than=older_than))

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.clock.advance(hours=hours)

    @rule()
    def pull(self) -> None:
        """Pulls what it is to have now or a moment ago, and never goes back."""
        try:
            pulled = self.calm.pull("nilm", self.folder / "gateway", gateway=GATEWAY)
        except NotFoundError:
            assert self.pulled == 0
            return
        except TrustError as error:
            assert "timestamp.json is expired" in str(error)
            assert self._is_expired()
            return
        assert pulled.serial >= self.pulled
        self.pulled = pulled.serial
        entry = self.calm.history("nilm")[pulled.serial - 1]
        if entry.candidate and entry.candidate.is_for("nilm", GATEWAY, self.clock()):
            entry = entry.of_candidate() or entry
        assert pulled.version == entry.version
        assert pulled.path.read_bytes() == content(entry.run_id)

    @invariant()
    def the_store_is_whole(self) -> None:
        chain = self.calm.history("nilm")
        for entry in chain:
            said = (entry.commit_id, entry.version, entry.run_id)
            assert self.committed.setdefault(entry.serial, said) == said
        assert list(self.committed) == [entry.serial for entry in chain]
        promoted = [entry for entry in chain if entry.action == "promote"]
        assert len({entry.run_id for entry in promoted}) == len(promoted)
        assert len({entry.version for entry in promoted}) == len(promoted)
        champion = self.calm.champion("nilm")
        assert (champion.version if champion else None) == (chain[-1].version if chain else None)
        assert not champion or champion.entry.action in ("promote", "rollback")
        if champion:
            assert self.calm.read_file(champion.manifest) == content(champion.manifest.run_id)
        for finding in self.calm.verify("nilm").findings:
            # A pruning that died has removed the manifest, and not yet the file.
            assert finding.repairable or finding.problem == "is missing", finding

    def _is_expired(self) -> bool:
        signed = json.loads(self.objects.read(TIMESTAMP_KEY).data)["signed"]
        return datetime.fromisoformat(signed["expires"]) <= self.clock()

    def _change(self, death: tuple[int, bool] | None, change: Callable[[Store], object]) -> None:
        die_at, after = death or (None, False)
        objects = PulledAt(self.pull, self.objects, die_at, after)
        try:
            change(Store(objects, self.folder / "keys", clock=self.clock))
        except (PowerCutError, NotFoundError, CandidateOutError, UsageError):
            return
        except TrustError as error:  # a rollback to what was pruned
            assert "is gone" in str(error)


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True
        ),
    )


@pytest.mark.slow
def test_a_few_random_histories_keep_the_store_whole() -> None:
    run(examples=12, steps=12)


@pytest.mark.full
def test_many_random_histories_keep_the_store_whole() -> None:
    run(examples=150, steps=25)
