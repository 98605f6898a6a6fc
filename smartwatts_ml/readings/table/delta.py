"""Delta tables by their address: opened, or made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from smartwatts_ml.errors import StoreError, UsageError
from smartwatts_ml.readings.columns import PARTITIONS
from smartwatts_ml.readings.site_clocks import SiteClocks
from smartwatts_ml.readings.table.schema import CONFIGURATION, SCHEMA, clocks_property

__all__ = ["as_store_errors", "check_address", "open_or_create"]

_OPEN_ATTEMPTS = 5
_MARKS = re.compile(r"\x1b\[[0-9;]*m|↳")
"""Colours and arrows that delta-rs puts into its messages."""
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@contextmanager
def as_store_errors(where: str) -> Iterator[None]:
    """What Delta raises, as StoreError with the address."""
    try:
        yield
    except (DeltaError, OSError) as error:
        why = " ".join(_MARKS.sub(" ", str(error)).split())
        full = next((what for what in _FULL if what in why), None)
        if full:
            raise StoreError(f"cannot write {where}: {full}", fix="free some space") from error
        raise StoreError(f"cannot use the table {where}: {why}") from error


def check_address(address: str) -> str:
    """delta-rs unquotes every address twice, so an escape in a path names another one."""
    if "://" not in address and re.search("%[0-9a-fA-F]{2}", address):
        raise UsageError(f"{address} has a % followed by two digits", fix="rename the folder")
    return address


def open_or_create(
    address: str, options: Mapping[str, str], clocks: SiteClocks | None
) -> DeltaTable:
    """The table of readings, created empty if absent, then with the ``clocks`` of its sites.
    Several processes may do this at once: one creates, the others open."""
    storage = dict(options)
    with as_store_errors(address):
        for _ in range(_OPEN_ATTEMPTS):
            try:
                return DeltaTable(address, storage_options=storage)
            except TableNotFoundError:
                pass
            try:
                return DeltaTable.create(
                    address,
                    SCHEMA,
                    partition_by=list(PARTITIONS),
                    name="readings",
                    configuration=CONFIGURATION | (clocks_property(clocks) if clocks else {}),
                    raise_if_key_not_exists=False,
                    storage_options=storage,
                )
            except DeltaError as error:
                lost = error
    raise StoreError(f"cannot create the table {address}: {lost}")
