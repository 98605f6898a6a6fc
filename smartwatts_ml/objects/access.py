"""How S3 is reached where that is not left to boto3's own chain of settings.

Whoever keeps credentials elsewhere, as Airflow does in its connections, hands them down here
once for the process; every root that is opened from then on uses them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["S3Access", "access_in_force", "use_access"]


@dataclass(frozen=True)
class S3Access:
    """What is empty is left to boto3's chain. ``origin`` says where it comes from, for people;
    nothing else of it is ever printed. With ``role`` (an ARN) the keys, or boto3's chain, serve
    only to assume that role."""

    origin: str
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    region: str = field(default="", repr=False)
    endpoint: str = field(default="", repr=False)
    role: str = field(default="", repr=False)
    external_id: str = field(default="", repr=False)
    sts_endpoint: str = field(default="", repr=False)


_in_force: S3Access | None = None


def use_access(access: S3Access | None) -> None:
    """From here on roots are opened with it, in all of this process; None: boto3's chain."""
    global _in_force
    _in_force = access


def access_in_force() -> S3Access | None:
    """What was handed down last."""
    return _in_force
