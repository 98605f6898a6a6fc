"""Changes of life: what they do to readings, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly.benign_changes import CHANGES, change_benignly

from .conftest import made_home


@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_touches_nothing_before_it_and_invents_no_reading(kind: str) -> None:
    values = made_home("home", 120, 3).channels["mains"]
    hours = np.arange(len(values), dtype=np.float32) % 168
    found = change_benignly(kind, values, hours, 1500, np.random.default_rng(0))
    assert np.array_equal(found.values[:1500], values[:1500], equal_nan=True)
    assert np.array_equal(np.isnan(found.values), np.isnan(values))
    assert 1500 == found.start < found.stop <= len(values)
    assert not np.allclose(found.values[1500:], values[1500:], equal_nan=True)
    assert (found.values[~np.isnan(values)] >= 0).all()


def test_an_absence_is_quiet_and_a_new_appliance_stays() -> None:
    values = made_home("home", 120, 3).channels["mains"]
    hours = np.arange(len(values), dtype=np.float32) % 168
    gone = change_benignly("absence", values, hours, 1500, np.random.default_rng(1))
    assert np.nanmax(gone.values[1500 : gone.stop - 168]) <= np.nanquantile(values, 0.3)
    more = change_benignly("appliance", values, hours, 1500, np.random.default_rng(1))
    days = (more.values - values)[1500 + 12 :].reshape(-1)[: 24 * 50].reshape(50, 24)
    assert (np.nansum(days, axis=1) > 0).mean() >= 0.3
