"""A year of one home through ``predict anomaly --alerts``: every alert in a list and in a
picture of twelve months."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.anomaly.calibration import MONTH_HOURS
from smartwatts_ml.kinds.anomaly.windows import mains_of
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.readings.base import MAINS, SiteReadings
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.settings import Settings

__all__ = ["year"]


def year(model: Path, folder: Path, picture: Path) -> None:
    """Print each alert and the alerts of each month; draw them."""
    kind, file = find_kind("anomaly"), LiteRTNetwork(model.read_bytes(), str(model))
    readings = FileReadings(sorted(folder.rglob("*.csv*")), Settings())
    alerts = pd.concat(kind.work.predict(kind.work.predictor(file), readings, alerts=True))
    site = next(iter(readings.iterate(3600, (MAINS,), local=True)))
    hours = int((~np.isnan(mains_of(site))).sum())
    a_month = len(alerts) / hours * MONTH_HOURS
    print(f"{site.site}: {len(alerts)} alerts in {hours} hours, {a_month:.2f} a month\n")
    print("| start | end | severity | kind | kWh | sentence |\n|---|---|---|---|---|---|")
    for one in alerts.itertuples():
        span = f"{one.start:%Y-%m-%d %H} | {one.end:%m-%d %H}"
        print(f"| {span} | {one.severity} | {one.kind} | {one.energy_kwh:+.1f} | {one.message} |")
    by_month = alerts.start.dt.to_period("M").value_counts().sort_index()
    print("\nby month:", ", ".join(f"{month} {count}" for month, count in by_month.items()))
    _draw(site, alerts, picture)


def _draw(site: SiteReadings, alerts: pd.DataFrame, picture: Path) -> None:
    months = np.unique(site.times.astype("datetime64[M]"))
    figure = Figure(figsize=(14, 1.3 * len(months)), layout="constrained")
    power = mains_of(site) / 1000
    top = float(np.nanmax(power)) * 1.05
    for axes, month in zip(figure.subplots(len(months), 1), months, strict=True):
        first, last = month.astype("datetime64[s]"), (month + 1).astype("datetime64[s]")
        part = (site.times >= first) & (site.times < last)
        axes.plot(site.times[part], power[part], color="#222222", lw=0.6)
        for one in alerts.itertuples():
            if first <= np.datetime64(one.start, "s") < last:
                axes.axvspan(
                    one.start, min(one.end, pd.Timestamp(last)), color="#d62728", alpha=0.4
                )
                axes.text(one.start, top * 0.8, f" {one.kind}", fontsize="x-small", color="#d62728")
        axes.set_xlim(first, last)
        axes.set_ylim(0, top)
        axes.set_xticks([])
        axes.set_ylabel(str(month), fontsize="small")
    figure.suptitle(f"{site.site}: hourly kW and its {len(alerts)} alerts")
    figure.savefig(picture, dpi=90)
