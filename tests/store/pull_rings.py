"""Candidates: which gateways take one, by id, share, salt, time and runtime; and what may be done
to what is said of one. Who is in which ring is worked out here a second time."""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from securesystemslib.signer import CryptoSigner

from tests.store.pull_lab import DONE, TRUST, USE, Case, Lab, file_of
from tests.store.tuf_repository import Repository, content, time_text

__all__ = ["halt", "offered", "rings"]

IDS = ("home7", "gw-0001", "00:1b:63:84:45:e6", "a" * 128, "x@example.org", "0", "A", "a")
SALTS = ("5f3a", "0", "Z" * 64)
SHARES = (0, 1, 500, 2_500, 5_000, 9_999, 10_000)
RUNTIMES = (
    ("", None, True),
    ("", "0", True),
    ("2.3.0", None, False),
    ("2.3.0", "2.3.0", True),
    ("2.3.0", "2.3", True),
    ("2.3", "2.3.0.0", True),
    ("2.3.0", "2.2.9", False),
    ("2.3.0", "2.10", True),
    ("2.10", "2.9.99", False),
    ("2", "1.999999999", False),
    ("1.0.0.1", "1", False),
    ("999999999", "999999999.0.0.0", True),
    ("0", "0", True),
    ("02.3", "2.3", True),
)
NO_IDS = ("", "home 7", "home|7", "höme", "a" * 129, "home\n", "../home", "home;")
NO_RUNTIMES = ("", "two", "2.", ".3", "1.2.3.4.5", "1234567890", "2.3-rc1", "2,3")
NOT_SAID: dict[str, tuple[Any, ...]] = {
    "version": (None, "3", 0, -1, True, 10**9 + 1, 2),
    "length": (None, "1", -1, True),
    "sha256": (None, "", 7, "A" * 64, "0" * 63),
    "share": (None, "500", -1, 10_001, True),
    "salt": (None, "", "a|b", "a" * 65, 5, "é"),
    "since": (None, "", "2026-02-30T00:00:00Z", "2026-01-01", 1, "0000-01-01T00:00:00Z"),
    "until": (
        None,
        "",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00+00:00",
        "2001-01-01T00:00:00Z",
    ),
    "runtime": (None, "two", 2, "1.2.3.4.5", "2.3\n"),
}
"""What is no value of a field; None stands for null."""


def offered(repository: Repository, **said: Any) -> None:
    """Let a third version of nilm be a candidate, for everybody if nothing else is said."""
    repository.candidate("nilm", "three", **said)


def _is_in(salt: str, gateway: str, share: int) -> bool:
    first = hashlib.sha256(f"{salt}|nilm|{gateway}".encode()).hexdigest()[:16]
    return int(first, 16) * 10_000 // 2**64 < share


def _offer(
    lab: Lab, *, gateway: str | None = "home7", runtime: str | None = None, **said: Any
) -> None:
    offered(lab.repository, **said)
    _pull_as(lab, gateway, runtime)


def _pull_as(lab: Lab, gateway: str | None = "home7", runtime: str | None = None) -> None:
    lab.options += ["--gateway", gateway] if gateway is not None else []
    lab.options += ["--runtime", runtime] if runtime is not None else []


def _members() -> Iterator[Case]:
    for salt, gateway, share in itertools.product(SALTS, IDS, SHARES):
        text = "three" if _is_in(salt, gateway, share) else "two"
        offer = functools.partial(_offer, gateway=gateway, salt=salt, share=share)
        yield Case(f"{gateway[:20]} with salt {salt[:5]} at {share}", offer, DONE, text)
    yield Case(
        "a candidate for a build that serves all",
        functools.partial(_offer, gateway=None),
        DONE,
        "two",
    )
    yield Case("a gateway and no candidate", _pull_as, DONE, "two")
    yield Case("a candidate, at first", _offer, DONE, "three", before="")


def _times() -> Iterator[Case]:
    for name, since, until, text in (
        ("is out", {"hours": -1}, {"hours": 1}, "three"),
        ("begins", {"hours": 1}, {"hours": 2}, "two"),
        ("began just now", {"seconds": -1}, {"hours": 1}, "three"),
        ("lapsed", {"days": -2}, {"hours": -1}, "two"),
        ("lapsed just now", {"days": -2}, {"seconds": -1}, "two"),
        ("is out for long", {"days": -900}, {"days": 900}, "three"),
    ):
        offer = functools.partial(_offer_within, since, until)
        yield Case(f"a candidate that {name}", offer, DONE, text)


def _offer_within(since: dict[str, int], until: dict[str, int], lab: Lab) -> None:
    """Offer it from then until then, seen from the moment at which the case is tried."""
    _offer(lab, since=time_text(**since), until=time_text(**until))


def _runtimes() -> Iterator[Case]:
    for least, has, enough in RUNTIMES:
        offer = functools.partial(_wanting, least, has)
        yield Case(f"runtime {has} of {least!r}", offer, DONE, "three" if enough else "two")


def _wanting(least: Any, has: str | None, lab: Lab) -> None:
    """Offer what wants a runtime, to a gateway that has another, or does not say."""
    offered(lab.repository, runtime=least)
    _pull_as(lab, runtime=has)


def _asked() -> Iterator[Case]:
    for gateway in NO_IDS:
        yield Case(f"gateway {gateway[:20]!r}", functools.partial(_offer, gateway=gateway), USE)
    for runtime in NO_RUNTIMES:
        yield Case(f"runtime {runtime!r}", functools.partial(_offer, runtime=runtime), USE)
    alone = functools.partial(_offer, gateway=None, runtime="2.3")
    yield Case("a runtime of no gateway", alone, USE)


def _malformed() -> Iterator[Case]:
    for name, values in NOT_SAID.items():
        for value in values:
            wanting = functools.partial(_wanting, value, None)
            offer = wanting if name == "runtime" else functools.partial(_offer, **{name: value})
            yield Case(f"a candidate whose {name} is {str(value)[:30]!r}", offer, TRUST)
    for name in [*NOT_SAID][:-1]:
        yield Case(f"a candidate without {name}", functools.partial(_lacking, name), TRUST)
    for value in ([], "three", 3, True):
        yield Case(f"a candidate that is {value!r}", functools.partial(_is, value), TRUST)
    yield Case("a candidate that is null", functools.partial(_is, None), DONE, "two")
    more: dict[str, Any] = {"x-é": {"a": [1]}}
    unknown = functools.partial(_offer, **more)
    yield Case("a candidate of which more is said", unknown, DONE, "three")
    for_all = functools.partial(_offer, gateway=None, share="all")
    yield Case("a malformed candidate, for a build that serves all", for_all, TRUST)


def _custom(lab: Lab) -> dict[str, Any]:
    custom: dict[str, Any] = lab.repository.signed["nilm"]["targets"]["nilm/nilm_v2.tflite"][
        "custom"
    ]
    return custom


def _lacking(name: str, lab: Lab) -> None:
    _offer(lab)
    del _custom(lab)["candidate"][name]
    lab.repository.rewrite("nilm")


def _is(value: Any, lab: Lab) -> None:
    _offer(lab)
    _custom(lab)["candidate"] = value
    lab.repository.rewrite("nilm")


def _file(
    change: Callable[[bytes], bytes] | None, name: str, lab: Lab, *, gateway: str | None = "home7"
) -> None:
    """Damage a file of the candidate."""
    _offer(lab, gateway=gateway)
    path = file_of(name, lab)
    data = path.read_bytes()
    path.unlink()
    if change:
        path.write_bytes(change(data))


def _no_manifest(lab: Lab) -> None:
    _offer(lab)
    del lab.repository.signed["nilm"]["targets"]["nilm/nilm_v3.json"]
    lab.repository.rewrite("nilm")


def _no_model(lab: Lab) -> None:
    """Signed and whole, and no model."""
    _offer(lab)
    data = b"<html>no such page</html>"
    lab.repository.place("nilm/nilm_v3.tflite", data)
    target = Repository.target(data)
    said = {"length": target["length"], "sha256": target["hashes"]["sha256"]}
    _custom(lab)["candidate"] |= said
    lab.repository.rewrite("nilm")


def _too_large(lab: Lab) -> None:
    _offer(lab)
    _custom(lab)["candidate"]["length"] = (64 << 20) + 1
    lab.repository.rewrite("nilm")


def _by_others(lab: Lab) -> None:
    lab.repository.signers["nilm"] = [CryptoSigner.generate_ed25519()]
    _offer(lab)


def _widened(lab: Lab) -> None:
    """By whoever may write into the bucket, and has no key."""
    _offer(lab, share=0)
    path = lab.repository.path("nilm")
    path.write_bytes(path.read_bytes().replace(b'"share": 0', b'"share":10000'))


def _lasting(lab: Lab) -> None:
    """A timestamp that expired would keep a halted candidate out."""
    _offer(lab)
    lab.repository.signed["timestamp"]["expires"] = time_text(seconds=-5)
    lab.repository.rewrite("timestamp")


def _since_pulled(change: Callable[[Repository], None], lab: Lab) -> None:
    """What became of a candidate that this gateway has."""
    lab.repository = lab.candidate.copy(lab.folder.parent / "since")
    change(lab.repository)
    _pull_as(lab)


def halt(repository: Repository) -> None:
    """Take the candidate back."""
    repository.signed["nilm"]["targets"]["nilm/nilm_v2.tflite"]["custom"]["candidate"]["share"] = 0
    repository.commit("nilm")


def _promote(repository: Repository) -> None:
    targets = repository.signed["nilm"]["targets"]
    data, custom = content("three"), {"version": 3, "action": "promote"}
    targets["nilm/nilm_v3.tflite"] = repository.target(data) | {"custom": custom}
    del targets["nilm/nilm_v2.tflite"]
    repository.commit("nilm")


def _replay(repository: Repository) -> None:
    """The metadata that the candidate was halted by go, and those before come back."""
    halt(repository)
    old = repository.metadata / "3.nilm.json"
    repository.path("nilm").write_bytes(old.read_bytes())


def _turned_back(lab: Lab) -> None:
    """The bucket as it was while the candidate was out; the gateway knows that it was halted."""
    lab.repository = lab.candidate.copy(lab.folder.parent / "since")
    _pull_as(lab)


def _attacks() -> Iterator[Case]:
    part = functools.partial
    for name in ("nilm_v3.tflite", "nilm_v3.json"):
        yield Case(f"no {name}", part(_file, None, name), TRUST)
        yield Case(f"another {name}", part(_file, lambda data: data[::-1], name), TRUST)
        yield Case(f"{name} with more", part(_file, lambda data: data + b"x", name), TRUST)
        yield Case(f"half of {name}", part(_file, lambda data: data[: len(data) // 2], name), TRUST)
        for_all = part(_file, None, name, gateway=None)
        yield Case(f"no {name}, for a build that serves all", for_all, DONE, "two")
    yield Case("a candidate whose manifest nobody signed", _no_manifest, TRUST)
    yield Case("a candidate that is no model", _no_model, TRUST)
    yield Case("a candidate that is too large", _too_large, TRUST)
    yield Case("a candidate signed by nobody known", _by_others, TRUST)
    yield Case("a candidate widened in the bucket", _widened, TRUST)
    yield Case("a candidate and a timestamp that expired", _lasting, TRUST)
    since = part(part, _since_pulled)
    yield Case(
        "the candidate again", since(lambda repository: None), DONE, "three", before="candidate"
    )
    yield Case("a candidate that was halted", since(halt), DONE, "two", before="candidate")
    yield Case("a candidate that was promoted", since(_promote), DONE, "three", before="candidate")
    yield Case("a halt that was taken back", since(_replay), TRUST, before="candidate")
    yield Case("a store that forgot a halt", _turned_back, TRUST, before="halted")


def rings() -> Iterator[Case]:
    """Who takes a candidate, and who refuses what."""
    parts = (_members(), _times(), _runtimes(), _asked(), _malformed(), _attacks())
    for case in itertools.chain(*parts):
        promoted = case.name == "a candidate that was promoted"
        yield replace(case, ring="candidate") if case.text == "three" and not promoted else case
