"""Private keys by URI: in files, or in a KMS, an HSM, a Vault that securesystemslib speaks to.

No signing is done here. Each of those has a library of its own, which may be absent and may raise
anything: that becomes one line with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from securesystemslib.exceptions import (
    KeyMismatchError,
    UnsupportedLibraryError,
    UnverifiedSignatureError,
)
from securesystemslib.signer import (
    CryptoSigner,
    Key,
    SecretsHandler,
    Signature,
    Signer,
)

from smartwatts_ml.errors import SmartwattsError, TrustError, UsageError
from smartwatts_ml.settings import settings

__all__ = ["UriSigner"]

_BACK_ENDS: Final = {
    "awskms": ("awskms", "AWS's own settings: credentials, AWS_DEFAULT_REGION"),
    "gcpkms": ("gcpkms", "GOOGLE_APPLICATION_CREDENTIALS, or the machine's account"),
    "azurekms": ("azurekms", "AZURE_CLIENT_ID and its like, or the machine's identity"),
    "hv": ("vault", "VAULT_ADDR and VAULT_TOKEN"),
    "hsm": ("hsm", "PYKCS11LIB, and SMARTWATTS_KEY_SECRET_FILE for the PIN"),
}
"""By scheme: securesystemslib's extra, and what its keys need."""


class UriSigner(Signer):
    """Signs with the key of a URI. Raises TrustError where it does not."""

    def __init__(self, signer: Signer, scheme: str) -> None:
        self._signer = signer
        self._scheme = scheme

    @property
    def public_key(self) -> Key:
        return self._signer.public_key

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> UriSigner:
        """The signer of a URI. Raises UsageError where no key has such a one, TrustError where
        its key cannot be used."""
        scheme = priv_key_uri.partition(":")[0]
        if scheme != CryptoSigner.SCHEME and scheme not in _BACK_ENDS:
            known = ", ".join(f"{name}:" for name in (CryptoSigner.SCHEME, *_BACK_ENDS))
            raise UsageError("the URI of a key begins otherwise", fix=f"with one of {known}")
        with _told(scheme, public_key):
            opened = Signer.from_priv_key_uri(priv_key_uri, public_key, secrets_handler or _secret)
        return cls(opened, scheme)

    def sign(self, payload: bytes) -> Signature:
        with _told(self._scheme, self.public_key):
            return self._signer.sign(payload)

    def check_pair(self) -> None:
        """Sign for nothing. Raises UsageError where that is not verified by the public half."""
        sample = b"the halves of a key"
        try:
            self.public_key.verify_signature(self.sign(sample), sample)
        except UnverifiedSignatureError as error:
            raise _mismatch(self._scheme) from error


@contextmanager
def _told(scheme: str, key: Key) -> Iterator[None]:
    """What a library of keys raises, as a TrustError. The URI may hold more than a name, and
    libraries repeat it: neither is told."""
    try:
        yield
    except SmartwattsError:
        raise
    except KeyMismatchError as error:
        raise _mismatch(scheme) from error
    except Exception as error:
        raise TrustError(
            f"cannot use the {scheme} key {key.keyid[:12]}: {_name(error)}", fix=_fix(scheme, error)
        ) from error


def _mismatch(scheme: str) -> UsageError:
    return UsageError(f"the public key is not that of the {scheme} key", fix="export it again")


def _name(error: Exception) -> str:
    """Of Amazon's errors, their code: `AccessDeniedException` says more than `ClientError`."""
    answer = getattr(error, "response", None)
    code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
    return str(code or type(error).__name__)


def _fix(scheme: str, error: Exception) -> str:
    if scheme == CryptoSigner.SCHEME:
        return "restore the file, or run this where it is"
    extra, needs = _BACK_ENDS[scheme]
    if isinstance(error, UnsupportedLibraryError):
        return f'pip install "securesystemslib[{extra}]"'
    return f"it needs {needs}"


def _secret(name: str) -> str:
    """A PIN or passphrase that a signer asks for: from a file, never from an argument."""
    path = settings().key_secret_file
    if not path:
        raise TrustError(
            f"a key wants a {name}", fix="SMARTWATTS_KEY_SECRET_FILE names a file with it"
        )
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise TrustError(f"cannot read {path}: {error.strerror}") from error
