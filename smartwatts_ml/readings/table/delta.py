"""Delta tables by their address: opened, or made."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from smartwatts_ml.errors import AlreadyExistsError, StoreError, UsageError
from smartwatts_ml.objects import Objects

__all__ = ["BlankTable", "as_store_errors", "check_address", "open_or_create"]

_FIRST_VERSION = f"{0:020}.json"
_MARKS = re.compile(r"\x1b\[[0-9;]*m|↳")
"""Colours and arrows that delta-rs puts into its messages."""
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")


@dataclass(frozen=True)
class BlankTable:
    """A table without rows, of another id each time that it is made."""

    name: str
    schema: pa.Schema
    partitions: Sequence[str]
    configuration: Mapping[str, str] = field(default_factory=dict)

    def first_version(self) -> bytes:
        """The commit that makes it, as delta-rs writes it."""
        with tempfile.TemporaryDirectory() as folder:
            DeltaTable.create(
                folder,
                self.schema,
                partition_by=list(self.partitions),
                name=self.name,
                configuration=dict(self.configuration),
                raise_if_key_not_exists=False,
            )
            return Path(folder, "_delta_log", _FIRST_VERSION).read_bytes()


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


def open_or_create(objects: Objects, folder: str, blank: BlankTable) -> DeltaTable:
    """The table in a folder of a root, created empty if absent. Several processes may do this at
    once: one creates, the others open what it made.

    delta-rs looks whether there is a table and then commits; what came in between it commits on
    top of, with another id and other properties. So the first version is an object that is
    created only where there is none.
    """
    address = check_address(objects.uri(folder))
    storage = objects.storage_options()
    with as_store_errors(address):
        try:
            return DeltaTable(address, storage_options=storage)
        except TableNotFoundError:
            with suppress(AlreadyExistsError):
                objects.create(f"{folder}/_delta_log/{_FIRST_VERSION}", blank.first_version())
            return DeltaTable(address, storage_options=storage)
