"""Trainings of real kinds that went wrong never replace a sound champion."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gate_trainings import FAULTS, Verdict, try_trainings
from smartwatts_ml.simulate import simulate

SOUND = "none, another seed"
LEAK = "trained on the holdout"
SAID = {LEAK: "the challenger was trained on "}
SIZES = {"nilm": (4, 105, 3), "forecasting_24h": (12, 105, 4), "anomaly": (12, 105, 4)}
"""Homes, days and epochs with which a sound training has enough evidence."""


def check(verdicts: list[Verdict]) -> None:
    """The first, a sound champion, was accepted; every fault after it is refused."""
    champion, *others = verdicts
    assert champion.accepted, champion.summary
    for one in others:
        assert one.accepted == one.summary.startswith(f"{one.model} accepted: "), one
        assert one.fault == SOUND or not one.accepted, one
        assert SAID.get(one.fault, "") in one.summary


CONVINCED = {"forecasting_24h": "0.9"}
"""Four weeks of a dozen homes show little of forecasts. A gate that takes less for proof takes a
sound champion, and has less to keep a spoilt one out with."""


@pytest.mark.full
def test_a_forecaster_that_learned_its_holdout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTWATTS_FORECASTING_EPOCH_WINDOWS", "2048")
    monkeypatch.setenv("SMARTWATTS_GATE_CONFIDENCE", CONVINCED["forecasting_24h"])
    simulate(12, 105, tmp_path / "root" / "landing", seed=2, submetered=0)
    faults = (LEAK,)
    check(list(try_trainings(tmp_path / "root", {"forecasting_24h": 4}, faults)))


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("model", SIZES)
def test_every_fault_of_a_training_is_refused_with_a_sentence(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    homes, days, epochs = SIZES[model]
    if model in CONVINCED:
        monkeypatch.setenv("SMARTWATTS_GATE_CONFIDENCE", CONVINCED[model])
    simulate(homes, days, tmp_path / "root" / "landing", seed=3, submetered=4)
    verdicts = list(try_trainings(tmp_path / "root", {model: epochs}))
    assert [one.fault for one in verdicts] == ["champion", *FAULTS]
    check(verdicts)
