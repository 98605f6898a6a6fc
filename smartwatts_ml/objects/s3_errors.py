"""boto3's errors as one clear line each, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import (
    ConnectionError as BotoConnectionError,
)

from smartwatts_ml.errors import DeniedError, NotFoundError, StoreError
from smartwatts_ml.objects.access import access_in_force

__all__ = ["as_store_errors", "endpoint_fix", "error_code", "status"]

_NO_OBJECT = ("NoSuchKey", "404", "NotFound")
_BAD_CREDENTIALS = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "ExpiredTokenException",
    "AuthorizationHeaderMalformed",
)
_DENIED = ("AccessDenied", "403", "Forbidden", "AllAccessDisabled")
_CREDENTIALS_FIX = (
    "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or the machine's role"
)


def _credentials_fix() -> str:
    access = access_in_force()
    return f"check {access.origin}" if access else _CREDENTIALS_FIX


def endpoint_fix() -> str:
    """Where to look if the server is not where it should be."""
    access = access_in_force()
    setting = f"endpoint_url of {access.origin}" if access else "AWS_ENDPOINT_URL_S3"
    return f"check that the server runs, and {setting}"


def error_code(error: ClientError) -> str:
    """The code that the server gave, e.g. ``NoSuchKey``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status(error: ClientError) -> int:
    """The HTTP status of the server's answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def as_store_errors(where: str, passing: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn boto3's errors about ``where`` into StoreErrors; ``passing`` go through."""
    try:
        yield
    except passing:
        raise
    except ClientError as error:
        raise _client_error(error, where) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise StoreError(f"no credentials for {where}: {error}", fix=_credentials_fix()) from error
    except ProfileNotFound as error:
        raise StoreError(f"cannot open {where}: {error}", fix="check AWS_PROFILE") from error
    except (BotoConnectionError, HTTPClientError) as error:
        raise StoreError(f"cannot reach {where}: {error}", fix=endpoint_fix()) from error
    except (BotoCoreError, Boto3Error) as error:
        raise StoreError(f"cannot use {where}: {error}") from error


def _client_error(error: ClientError, where: str) -> StoreError:
    code = error_code(error)
    message = error.response.get("Error", {}).get("Message", "") or code
    if code == "NoSuchBucket":
        return StoreError(f"no such bucket: {where}", fix="create the bucket or correct the root")
    if code in _NO_OBJECT:
        return NotFoundError(f"no object {where}")
    if code in _BAD_CREDENTIALS:
        return StoreError(f"credentials refused for {where}: {message}", fix=_credentials_fix())
    if code in _DENIED:
        return DeniedError(
            f"no permission for {error.operation_name} on {where}",
            fix="let these credentials get, put and list objects below the root",
        )
    return StoreError(f"{error.operation_name} on {where} failed: {code} {message}")
