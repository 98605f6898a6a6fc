"""Synthetic homes with real appliance shapes, habits and faults, for demos and tests.

Every home has traits of its own that follow from the seed and its number alone: more
homes never change the earlier ones. Homes live on the UTC clock. ``world`` holds weather
and daylight, ``life`` who is at home when, ``appliances`` what a sub-meter may see,
``background`` what only mains sees, ``faults`` what the feed does to the rows.
"""

from __future__ import annotations

from smartwatts_ml.simulate.generate import SimulationReport, simulate

__all__ = ["SimulationReport", "simulate"]
