"""Columns and names of the tables that NILM's predictions come as."""

from __future__ import annotations

__all__ = ["ACTIVATION", "BASE_LOAD", "ENERGY", "OTHER", "POWER"]

POWER = ("timestamp", "consumption", "device_id")
ACTIVATION = ("site", "appliance", "start", "end", "energy_kwh", "mean_w")
ENERGY = ("site", "appliance", "day", "energy_kwh", "measured_h")
BASE_LOAD, OTHER = "base_load", "other"
"""What mains draws beyond the appliances that a file knows: at all hours, and the rest. No
appliance is called so."""
