"""Columns of the tables that NILM's predictions come as."""

from __future__ import annotations

__all__ = ["ACTIVATION", "ENERGY", "POWER"]

POWER = ("timestamp", "consumption", "device_id")
ACTIVATION = ("site", "appliance", "start", "end", "energy_kwh", "mean_w")
ENERGY = ("site", "appliance", "day", "energy_kwh", "measured_h")
