"""What sites are called wherever people read: by a pseudonym, unless a setting shows their names.

A pseudonym is a MAC of the name (HMAC-SHA256, RFC 2104): the same in every run of a root, and
nobody who lacks the root's key can try names out on it. The key lies in ``state/``, which is
neither published nor readable with the credentials of a gateway.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from contextlib import suppress

from smartwatts_ml.errors import AlreadyExistsError, NotFoundError, StoreError, TrustError
from smartwatts_ml.objects import Objects
from smartwatts_ml.settings import Settings

__all__ = ["SiteNames", "site_names"]

_KEY_PLACE = "state/site_names.key"
_HEX = re.compile(rb"[0-9a-f]{64}")
_KEY_BYTES = 32
_LETTERS = 6
"""Of 32 each: of a fleet of a thousand, two share a pseudonym with a chance of 1 in 2,000."""
_FIX = f"restore {_KEY_PLACE}; without it, all homes get other pseudonyms"


class SiteNames:
    """Calls sites by their names if ``shown``, else by pseudonyms.

    >>> SiteNames(bytes(32))("berlin-7"), SiteNames(bytes(32), shown=True)("berlin-7")
    ('home l775ny', 'berlin-7')
    """

    def __init__(self, key: bytes, *, shown: bool = False) -> None:
        self._key = key
        self.shown = shown

    def __call__(self, site: str) -> str:
        """What a report calls it."""
        return site if self.shown else self.pseudonym(site)

    def of_error(self, error: Exception) -> str:
        """An error's words, which may name sites and files; else no more than what kind it is."""
        return (self.shown and str(error)) or type(error).__name__

    def pseudonym(self, site: str) -> str:
        """What it is called where its name is not to be read."""
        digest = hmac.digest(self._key, site.encode(), hashlib.sha256)
        return f"home {base64.b32encode(digest)[:_LETTERS].decode().lower()}"


def site_names(objects: Objects, settings: Settings) -> SiteNames:
    """Those of a root, which get their key when they are first asked for. Raises StoreError where
    the key is damaged."""
    try:
        return _existing(objects, settings)
    except NotFoundError:
        with suppress(AlreadyExistsError):  # another process was faster, and its key holds
            objects.create(_KEY_PLACE, secrets.token_hex(_KEY_BYTES).encode())
        return _existing(objects, settings)


def _existing(objects: Objects, settings: Settings) -> SiteNames:
    """Those of a root that has a key. Raises NotFoundError where it has none yet."""
    where = objects.uri(_KEY_PLACE)
    try:
        text = objects.read(_KEY_PLACE, 2 * _KEY_BYTES).data
    except TrustError as error:
        raise StoreError(f"{where} is damaged", fix=_FIX) from error
    if not _HEX.fullmatch(text):
        raise StoreError(f"{where} is damaged", fix=_FIX)
    return SiteNames(bytes.fromhex(text.decode()), shown=settings.show_site_names)
