"""Every error that a user can meet, each with the exit code of the command line.

SmartwattsError          1  the work failed
├── UsageError           2  wrong use of a command or a setting
├── BadInputError        3  a file or its readings cannot be used
│   └── NotEnoughReadingsError   too few readings or events to train or to judge
├── UnapprovedError      1  a person has to approve it first
├── BusyError            1  another run holds what this one needs; try again later
└── StoreError           4  the store or its trust
    ├── NotFoundError        an object, version or model is not there
    │   └── NotPublishedError    3  the store, which is whole, says so
    ├── DeniedError          no permission for an object
    ├── AlreadyExistsError   create-if-absent met an object
    ├── ChangedError         replace-if-unchanged met a newer object
    │   └── StaleChallengerError   judged against a champion that is no longer in force
    ├── CandidateOutError    another version is out for some gateways
    ├── UnfitServerError     the server ignores a conditional write
    └── TrustError           a signature, digest or expiry does not hold
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "AlreadyExistsError",
    "BadInputError",
    "BusyError",
    "CandidateOutError",
    "ChangedError",
    "DeniedError",
    "NotEnoughReadingsError",
    "NotFoundError",
    "NotPublishedError",
    "SmartwattsError",
    "StaleChallengerError",
    "StoreError",
    "TrustError",
    "UnapprovedError",
    "UnfitServerError",
    "UsageError",
    "naming",
]


class SmartwattsError(Exception):
    """The work failed. ``fix`` says what the user can do about it."""

    exit_code = 1

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        super().__init__(message)
        self.fix = fix

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} ({self.fix})" if self.fix else message


class UsageError(SmartwattsError):
    """A command or a setting was used wrongly."""

    exit_code = 2


class BadInputError(SmartwattsError):
    """A file, or the readings in it, cannot be used. ``settle``: what a source may say of the
    file, a text of one line or some for each answer, where that would help."""

    exit_code = 3

    def __init__(
        self, message: str, *, fix: str | None = None, settle: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, fix=fix)
        self.settle = settle


class NotEnoughReadingsError(BadInputError):
    """Too few readings, sites or events to train on or to judge with."""


class UnapprovedError(SmartwattsError):
    """A person has to approve a version first, and nothing says that one did."""


class BusyError(SmartwattsError):
    """Another run holds what this one needs."""


class StoreError(SmartwattsError):
    """The store failed, or what it gave cannot be trusted."""

    exit_code = 4


class NotFoundError(StoreError):
    """An object, a version or a model is not in the store."""


class NotPublishedError(NotFoundError):
    """The store, which is whole, says that a model or a version was never published."""

    exit_code = 3


class DeniedError(StoreError):
    """These credentials may not do that with an object."""


class AlreadyExistsError(StoreError):
    """Create-if-absent met an object that is already there."""


class ChangedError(StoreError):
    """Replace-if-unchanged met an object that somebody else replaced."""


class StaleChallengerError(ChangedError):
    """A challenger was judged against a champion that is no longer in force."""


class CandidateOutError(StoreError):
    """Another version is a candidate for some gateways, and has to be done with first."""


class UnfitServerError(StoreError):
    """The S3 server ignores a conditional write that the store depends on."""


class TrustError(StoreError):
    """A signature, a digest or an expiry does not hold."""


@contextmanager
def naming(file: object) -> Iterator[None]:
    """Errors of the block say first which file they are about."""
    try:
        yield
    except SmartwattsError as error:
        raise type(error)(f"{file}: {error.args[0]}", fix=error.fix) from error
