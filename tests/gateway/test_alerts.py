"""The rule of alerts: the gateway's library numbers hours as ``predict`` does, through restarts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.policy import FAMILIES, FIXED, Limit, quiet_alerts
from tests.gateway.files import JVM, compile_java

pytestmark = pytest.mark.slow
THRESHOLD = 2.75
HOURS = 24 * 200
CASES = [
    ("old", FIXED, 2.4, 1.0),
    *(
        ("new", limit, odd, share)
        for limit in (FIXED, Limit(0.3, 0.3 * 1.5 / 730.5, 1.5), Limit(0.5, 0.01, 0.7))
        for odd in (1.6, 2.4, 3.0)
        for share in (1.0, 0.7)
    ),
]
"""Whether the state is of before there were limits and slow rises, the limit, how odd hours are,
and the share of hours that have a score."""


def test_hours_are_of_the_same_alerts_and_slow_rises(library: Path, tmp_path: Path) -> None:
    lines, wanted = [], []
    for seed, (age, limit, odd, share) in enumerate(CASES):
        rng = np.random.default_rng(seed)
        bumps = np.convolve(rng.random(HOURS) < 0.01, np.ones(5), "same")
        rarity = rng.exponential(0.35, HOURS) + odd * bumps
        rarity[rng.random(HOURS) < 0.01] = np.nan
        family = rng.integers(0, len(FAMILIES), HOURS // 12).repeat(12)
        rise = np.repeat(rng.normal(-1.3, 1.0, HOURS // 24), 24) - 9.0 * (age == "old")
        hours = np.flatnonzero(rng.random(HOURS) < share)
        rarity, family, rise = rarity[hours], family[hours], rise[hours]
        loud = ~(rarity < THRESHOLD)
        alerts = quiet_alerts(hours, loud, rarity, family, THRESHOLD, limit, rise)
        assert alerts.number.max() > 5 and (alerts.rising.sum() > 0) == (age == "new")
        wanted += [f"{n},{int(r)}" for n, r in zip(alerts.number, alerts.rising, strict=True)]
        lines.append(f"{age},{THRESHOLD},{limit.step},{limit.fall},{limit.most}")
        for row in zip(hours, loud.astype(int), rarity, family, rise, strict=True):
            lines.append(",".join(map(str, row)).replace("nan", "NaN"))
    assert numbers_in_java(library, tmp_path, lines) == wanted


@pytest.mark.parametrize(("most", "nines"), [(0.0, 2.8), (0.5, 3.3)])
def test_a_limit_that_another_file_let_rise_is_no_higher_than_this_file_allows(
    library: Path, tmp_path: Path, most: float, nines: float
) -> None:
    far_apart = [f"{1000 * n},1,{rarity},0,-1" for n, rarity in enumerate((2.8, 3.2, 3.5, nines))]
    before = [f"new,{THRESHOLD},0.3,1e-9,1.5", *far_apart[:3]]
    found = numbers_in_java(
        library, tmp_path, [*before, f"next,{THRESHOLD},0,0,{most}", far_apart[3]]
    )
    assert found == ["1,0", "2,0", "3,0", "4,0"]


def numbers_in_java(library: Path, tmp_path: Path, lines: list[str]) -> list[str]:
    """The number of the alert of each hour, and whether it is a slow rise, as the library tells."""
    (tmp_path / "cases.csv").write_text("\n".join(lines))
    compile_java(tmp_path, Path(__file__).with_name("AlertCases.java"), classes=library)
    command = [*JVM, "-cp", f"{tmp_path}:{library}", "smartwatts.AlertCases"]
    run = subprocess.run(
        [*command, str(tmp_path / "cases.csv")], capture_output=True, text=True, timeout=500
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()
