"""What a gateway's build does: copies of verified versions in a folder. Needs no key."""

from __future__ import annotations

from smartwatts_ml.pulling.fetching import check_trusted_root
from smartwatts_ml.pulling.models import DEADLINE_S, Pulled, pull_models
from smartwatts_ml.pulling.rings import Gateway

__all__ = ["DEADLINE_S", "Gateway", "Pulled", "check_trusted_root", "pull_models"]
