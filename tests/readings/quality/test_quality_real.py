"""The checks on real homes: what is known to be odd is found, the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from smartwatts_ml.readings.base import MAINS, split_device_id
from smartwatts_ml.readings.files import FileReadings
from smartwatts_ml.readings.quality.flags import Flag
from smartwatts_ml.readings.quality.record import SiteQuality
from smartwatts_ml.settings import Settings

DATA = Path(__file__).parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no real readings in ../shared/data")

ODD = {"fontana7", "fontana12", "fontana14", "fontana15"}
"""Zero for a tenth of the year or more: panels' production, or feed-in cut off at zero."""


@contextmanager
def opened(name: str) -> Iterator[FileReadings]:
    with FileReadings([DATA / name], Settings(check_mains=False)) as readings:
        yield readings


def qualities(name: str) -> dict[str, SiteQuality]:
    with opened(name) as readings:
        return {span.site: readings.quality(span.site) for span in readings.spans()}


def found(sites: dict[str, SiteQuality]) -> dict[tuple[str, Flag], int]:
    """Flagged readings by device_id and flag."""
    return {
        (f"{site}/{device.channel}", finding.flag): finding.readings
        for site, quality in sites.items()
        for device in quality.devices
        for finding in device.findings
    }


@pytest.mark.slow
def test_refit_has_filled_outages_and_a_ceiling_of_6_kw() -> None:
    with opened("nilm_refit2") as readings:
        quality = readings.quality("refit2")
        loaded = readings.load("refit2", 60)
    hits = found({"refit2": quality})
    mains = next(device for device in quality.devices if device.channel == MAINS)
    clipped = np.sum(loaded.channels[MAINS] == 6000)
    assert (
        hits["refit2/mains", Flag.CLIPPED] == clipped == pytest.approx(0.006 * mains.rows, rel=0.1)
    )
    assert hits["refit2/mains", Flag.STUCK] == pytest.approx(0.01 * mains.rows, rel=0.2)
    assert quality.suspect < 0.005
    assert {flag for _, flag in hits} == {Flag.STUCK, Flag.CLIPPED, Flag.GAP}
    assert quality.mean_coverage == pytest.approx(0.76, abs=0.01)
    doubted = hits["refit2/mains", Flag.CLIPPED] + hits["refit2/mains", Flag.STUCK]
    assert mains.suspect * mains.rows == pytest.approx(doubted)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "coverage"), [("nilm_ukdale2", 0.84), ("load_ukdale1", 0.97)])
def test_uk_dale_has_gaps_and_nothing_in_doubt(name: str, coverage: float) -> None:
    (quality,) = qualities(name).values()
    assert {flag for _, flag in found({quality.site: quality})} == {Flag.GAP}
    assert quality.suspect == 0
    assert quality.mean_coverage == pytest.approx(coverage, abs=0.015)


def test_fontana_has_homes_at_zero_for_weeks_and_little_else() -> None:
    sites = qualities("load_fontana17")
    assert {flag for _, flag in found(sites)} == {Flag.ZERO}
    assert {site for site, quality in sites.items() if quality.suspect > 0.1} == ODD
    healthy = [quality.suspect for site, quality in sites.items() if site not in ODD]
    assert np.mean(healthy) < 0.01


@pytest.mark.slow
def test_cambridge_has_a_spike_and_a_day_that_was_filled() -> None:
    sites = qualities("load_cambridge26")
    hits = found(sites)
    assert hits["camb59/mains", Flag.FUSE] == 16
    filled = [
        site
        for site, quality in sites.items()
        if "2022-08-14" in quality.to_json()["days"]["flagged"].get("stuck", ())
    ]
    assert len(filled) >= 10
    assert {split_device_id(device)[0] for device, flag in hits if flag is Flag.STUCK} - set(
        filled
    ) <= {"camb49", "camb53"}
    assert np.mean([quality.suspect for quality in sites.values()]) < 0.002
