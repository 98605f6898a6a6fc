"""NILM: mains power to the consumption of each appliance. Light to import."""

from smartwatts_ml.kinds.nilm.kind import NilmKind

__all__ = ["KIND"]

KIND = NilmKind()
