"""Small objects that runs leave for each other, claims and leases."""

from __future__ import annotations

from datetime import timedelta

from smartwatts_ml.errors import NotFoundError, TrustError
from smartwatts_ml.objects import Object, Objects
from smartwatts_ml.pulling.layout import MAX_DOCUMENT_BYTES

__all__ = ["CLOCKS_DIFFER", "read_unsigned"]

CLOCKS_DIFFER = timedelta(hours=1)
"""How far the clocks of machines that share a root may be apart. These objects are unsigned:
a time further in the future than that was not written by any run."""


def read_unsigned(objects: Objects, key: str) -> Object | None:
    """What is there, or None. One that is too large to be a document is given without its
    bytes: it is as good as unreadable, and is to be replaced like that."""
    try:
        return objects.read(key, MAX_DOCUMENT_BYTES)
    except NotFoundError:
        return None
    except TrustError:
        return Object(b"", objects.info(key).etag)
