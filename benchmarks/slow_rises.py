"""What a channel of its own could see of slow rises: low quantiles of the last days against four
weeks, at a budget of its own, on first halves alone.

    python benchmarks/slow_rises.py --data ../shared/data

A rise within four days to a share of the device's median, which then stays; three starts for each
device in the last 40 % of its first half. A statistic alerts above one threshold for all devices,
the lowest that keeps to the budget on the same weeks as they are, and then is silent for two weeks.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

SETS = {"homes": "anomaly_fontana17", "buildings": "anomaly_cambridge26"}
DAY, MONTH = 24, 730.5
RISE, SILENT, CONTEXT = 96, 14 * DAY, 40 * DAY  # hours
STARTS, SHARES, WITHIN, BUDGETS = 3, (0.0, 0.3, 0.6, 1.0, 1.5), (72, 168), (0.3, 0.7)
STATISTICS = [(q, hours) for q in (0.1, 0.25, 0.5) for hours in (24, 48, 72)]


def devices(folder: Path) -> Iterator[pd.Series]:
    """W of each first half, by hour."""
    rows = pd.read_csv(folder / "readings_labelled.csv.gz", parse_dates=["timestamp"])
    table = pd.read_csv(folder / "readings_labelled.devices.csv", parse_dates=["test_start"])
    cuts = table.set_index("device_id").test_start
    for device, own in rows.groupby("device_id"):
        series = own.set_index("timestamp").consumption
        yield series[series.index < cuts[device]].resample("1h").mean()


def standing(series: pd.Series, quantile: float, hours: int) -> np.ndarray:
    """The quantile of the last hours above its median in the 25 days before the last two, in units
    of how far it went above that then, shape (n,)."""
    least = hours * 3 // 4
    now = series.rolling(hours, min_periods=least).quantile(quantile)
    past = now.shift(max(hours, 48)).rolling(25 * DAY, min_periods=10 * DAY)
    middle = past.median()
    spread = (past.quantile(0.98) - middle).clip(lower=0) + 0.05 * series.abs().median() + 1.0
    return ((now - middle) / spread).fillna(-np.inf).to_numpy()


def alerts(values: np.ndarray, threshold: float) -> int:
    count, last = 0, -SILENT - 1
    for hour in np.flatnonzero(values >= threshold):
        if hour - last > SILENT:
            count, last = count + 1, int(hour)
    return count


def rises(series: pd.Series, rng: np.random.Generator) -> Iterator[tuple[float, pd.Series, int]]:
    """Share, hours around a rise, and the place of its first."""
    size, first = float(series.abs().median()), int(0.6 * len(series))
    for start in rng.integers(first, len(series) - 7 * DAY, STARTS):
        low, end = max(int(start) - CONTEXT, 0), int(start) + max(WITHIN)
        part = series.iloc[low:end]
        ramp = np.clip((np.arange(low, end) - start) / RISE, 0.0, 1.0)
        for share in SHARES:
            yield share, part + share * size * ramp, int(start) - low


def show(title: str, all_series: list[pd.Series]) -> None:
    cells = " | ".join(f"{share:g}: {hours} h" for share in SHARES for hours in WITHIN)
    print(f"\n| {title}, share of the median | alerts a month | {cells} |")
    print("|---" * (2 + len(SHARES) * len(WITHIN)) + "|", flush=True)
    rng = np.random.default_rng(0)
    events = [event for series in all_series for event in rises(series, rng)]
    for quantile, hours in STATISTICS:
        calm = [standing(s, quantile, hours)[int(0.6 * len(s)) :] for s in all_series]
        seen = [(share, standing(part, quantile, hours)[at:]) for share, part, at in events]
        pooled = np.concatenate(calm)
        cuts = np.quantile(pooled[np.isfinite(pooled)], 1 - np.geomspace(1e-4, 0.3, 60))
        months = len(pooled) / MONTH
        for budget in BUDGETS:
            good = [c for c in cuts if sum(alerts(v, c) for v in calm) <= budget * months]
            cut = min(good, default=np.inf)
            found = [
                np.mean([(v[:hour] >= cut).any() for share, v in seen if share == wanted])
                for wanted in SHARES
                for hour in WITHIN
            ]
            shown = " | ".join(f"{one:.2f}" for one in found)
            print(f"| {quantile:g} quantile of {hours} h | {budget:g} | {shown} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="Folder of public readings.")
    data = parser.parse_args().data
    for title, folder in SETS.items():
        show(title, list(devices(data / folder)))


if __name__ == "__main__":
    main()
