"""The rule of alerts: the gateway's library numbers hours as ``predict`` does, through restarts."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.policy import FAMILIES, quiet_alerts
from tests.gateway.files import JVM, compile_java

pytestmark = pytest.mark.slow
HOURS = 24 * 200
CASES = itertools.product((2.1, 2.75), (1.6, 2.4, 3.0), (1.0, 0.7))
"""The threshold, how odd hours are, both in nines, and the share of hours that have a score."""


def test_hours_are_of_the_same_alerts(library: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    wanted: list[str] = []
    for seed, (threshold, odd, share) in enumerate(CASES):
        rng = np.random.default_rng(seed)
        bumps = np.convolve(rng.random(HOURS) < 0.01, np.ones(5), "same")
        rarity = rng.exponential(0.35, HOURS) + odd * bumps
        rarity[rng.random(HOURS) < 0.01] = np.nan
        family = rng.integers(0, len(FAMILIES), HOURS // 12).repeat(12)
        hours = np.flatnonzero(rng.random(HOURS) < share)
        rarity, family = rarity[hours], family[hours]
        loud = ~(rarity < threshold)
        numbers = quiet_alerts(hours, loud, rarity, family, threshold)
        assert numbers.max() > 5
        wanted += map(str, numbers)
        lines.append(str(threshold))
        for row in zip(hours, loud.astype(int), rarity, family, strict=True):
            lines.append(",".join(map(str, row)).replace("nan", "NaN"))
    (tmp_path / "cases.csv").write_text("\n".join(lines))
    compile_java(tmp_path, Path(__file__).with_name("AlertCases.java"), classes=library)
    command = [*JVM, "-cp", f"{tmp_path}:{library}", "smartwatts.AlertCases"]
    run = subprocess.run(
        [*command, str(tmp_path / "cases.csv")], capture_output=True, text=True, timeout=500
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == wanted
