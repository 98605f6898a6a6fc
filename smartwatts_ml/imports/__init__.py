"""Public data sets → CSV files that ``ingest`` takes. A format is one module."""

from smartwatts_ml.imports.base import FORMATS, Options
from smartwatts_ml.imports.run import import_readings

__all__ = ["FORMATS", "Options", "import_readings"]
