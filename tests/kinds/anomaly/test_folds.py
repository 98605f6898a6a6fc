"""Early stopping watches what its own fold holds back: the other one calibrates."""

from __future__ import annotations

import numpy as np
import pytest

from smartwatts_ml.kinds.anomaly import training
from smartwatts_ml.kinds.anomaly.examples import Drawn, Examples

pytestmark = pytest.mark.slow


def drawn(site: int) -> Drawn:
    """Of a site that is known again by its features."""
    features = np.full((20, 1), site, np.float32) + np.arange(20)[:, None] / 100
    examples = Examples(features, np.zeros(20, np.uint8), np.ones(20, np.float32))
    return Drawn(examples, features, np.arange(20))


@pytest.mark.parametrize("sites", [1, 2, 5, 12])
def test_nothing_is_trained_on_and_watched_and_of_many_sites_whole_ones_are(sites: int) -> None:
    fold = [drawn(site) for site in range(sites) for _ in range(2)]
    learned, watched = (set(part.features.ravel().tolist()) for part in training.held_back(fold))
    assert learned and watched and not learned & watched
    assert len(learned) > 3 * len(watched)
    shared = {int(value) for value in learned} & {int(value) for value in watched}
    assert bool(shared) is (sites < 5)
