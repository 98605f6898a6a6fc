"""What whoever writes a store and whoever pulls from it agree on: where metadata is, and how many
bytes anything may have."""

from __future__ import annotations

from typing import Final

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_FILE_BYTES",
    "MAX_METADATA_BYTES",
    "MAX_VERSION",
    "METADATA",
    "PREVIOUS",
]

METADATA: Final = "models/metadata/"
PREVIOUS: Final = "previous_sha256"
"""Where signed metadata say the digest of the version before them."""
MAX_VERSION: Final = 10**9
"""Of any metadata or model: more is no counting, but a thief who locks clients out."""
MAX_FILE_BYTES: Final = 64 << 20
MAX_DOCUMENT_BYTES: Final = 1 << 20
"""What a manifest, a statement or another small document may have."""
MAX_METADATA_BYTES: Final = {
    "root": 512_000,
    "timestamp": 16_384,
    "snapshot": 2_000_000,
    "targets": 2_000_000,
}
"""By role. A client takes as much of a model's as of ``targets``, a writer stops at
``MAX_DOCUMENT_BYTES``."""
