"""Golden vectors of a file: made from inputs of a seed, and run on LiteRT as it is installed here.

Kernels differ by right: XNNPACK rounds activations otherwise than LiteRT's own kernels do where
weights are integers. So both compute the outputs, windows on which they agree are taken, and what
still lies between them goes into the tolerance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from math import ceil, floor, gcd, log10
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import OpResolverType

from smartwatts_ml.errors import BadInputError, naming
from smartwatts_ml.kinds import find_kind
from smartwatts_ml.kinds.base import Details
from smartwatts_ml.modelfiles.apart import apart
from smartwatts_ml.modelfiles.litert import LiteRTNetwork, damage_named
from smartwatts_ml.modelfiles.needs import Deviation, Needs, OperatorUse, Places, Vector, packed

__all__ = ["needs_apart", "needs_of", "serve_needs", "serve_vectors", "vectors_run"]

_SEED = 20_261_129
_WINDOWS = 512
_STEPS = 96
"""Values of an input that a vector keeps, in the order of time."""
_PLACES = 24
"""Values of an output that a vector keeps."""
_TOLERATED = 0.02
"""Of an output's spread; more where kernels differ by more."""
_ROOM = 3.0
"""By so much more than the kernels here may those of another release differ."""
_LEAST_TOLERANCE = 1e-5
_AGREE = 0.05
"""So near, in spreads of an output, kernels agree on windows that are taken first."""
_LIVELY = 0.5
"""How far a window's output is from the mean one at least, in spreads: a file that says the same
of everything must not pass."""
_LEAST_RUNTIME = "min_runtime_version"
_SERVE = "smartwatts_ml.modelfiles.golden:serve_vectors"
_SERVE_NEEDS = "smartwatts_ml.modelfiles.golden:serve_needs"
_Arrays = Mapping[str, np.ndarray]


def needs_of(content: bytes) -> Needs:
    """What a file with details needs, with golden vectors of its kind."""
    network = LiteRTNetwork(content)
    kind = find_kind(Details.read(network.details).kind)
    details = kind.read_details(network.details)
    made = kind.work.sample_inputs(details, _WINDOWS, _SEED)
    digits = {name: max(_decimals(array), 0) for name, array in made.items()}
    samples = {n: _held(np.round(array, digits[n])) for n, array in made.items()}
    outputs, others = network(samples), _without_delegates(content, samples)
    spreads = {name: float(np.nanstd(values)) for name, values in outputs.items()}
    chosen = _chosen(samples, outputs, others, spreads)
    least, operators = _operators(content)
    return Needs(
        least=least,
        operators=operators,
        contract=details.contract,
        vectors=[_vector(samples, digits, outputs, window) for window in chosen],
        tolerances={
            name: _tolerance(outputs[name][chosen], others[name][chosen], spread)
            for name, spread in spreads.items()
        },
    )


def needs_apart(content: bytes, name: str) -> Needs:
    """``needs_of`` a file of anybody's, made in a process of its own. Raises BadInputError."""
    with apart(name, _SERVE_NEEDS, content, name) as ask:
        needs: Needs = ask(None)
    return needs


def serve_needs(content: bytes, name: str) -> Iterator[Needs]:
    """For ``apart``: what the file needs."""
    with naming(name):
        yield needs_of(content)


def vectors_run(content: bytes, needs: Needs, name: str) -> Deviation:
    """How far a file is off on LiteRT here at most, run in a process of its own. Raises
    BadInputError where it does not run, or takes other inputs than the vectors have."""
    with apart(name, _SERVE, content, name, asdict(needs)) as ask:
        deviation: Deviation = ask(None)
    return deviation


def serve_vectors(content: bytes, name: str, said: Mapping[str, Any]) -> Iterator[Deviation]:
    """For ``apart``: the worst deviation of all vectors."""
    needs = Needs.read(said, name)
    network = LiteRTNetwork(content, name)
    shapes = network.input_shapes
    runs = (
        needs.deviation(vector, network(needs.inputs(vector, shapes))) for vector in needs.vectors
    )
    yield max(runs, key=lambda deviation: deviation.share, default=Deviation("", float("inf")))


def _without_delegates(content: bytes, samples: _Arrays) -> dict[str, np.ndarray]:
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return LiteRTNetwork(content, resolver=resolver)(samples)


def _held(samples: np.ndarray) -> np.ndarray:
    """The same windows with ``_STEPS`` values or so, each of which stays for a while: they are
    written in a third of the bytes, and what computes other ones wrongly computes these so too."""
    length = samples.shape[1]
    first = np.arange(length) // max(1, ceil(length / _STEPS)) * max(1, ceil(length / _STEPS))
    return samples[:, first].astype(np.float32)


def _decimals(values: np.ndarray) -> int:
    """So many that three digits or so are left: none for power in W."""
    spread = float(np.nanstd(values))
    return 2 - floor(log10(spread)) if spread > 0 else 3


def _chosen(
    samples: _Arrays, outputs: _Arrays, others: _Arrays, spreads: Mapping[str, float]
) -> list[int]:
    """A window that is whole and one with missing readings, each the one on which kernels agree
    best of those on which they about agree, and outputs are anything but usual."""

    def by_window(left: _Arrays, right: _Arrays, most: Any) -> np.ndarray:
        """Of each window, the worst output: ``most`` of its values, in spreads."""
        shares = [
            most(np.abs(left[n] - right[n]).reshape(_WINDOWS, -1), 1) / max(spread, 1e-9)
            for n, spread in spreads.items()
        ]
        return np.asarray(np.max(shares, 0))

    # What is left out is NaN in both.
    outputs, others = ({n: np.nan_to_num(a) for n, a in made.items()} for made in (outputs, others))
    apart_by = by_window(outputs, others, np.max)
    means = {name: values.mean(0, keepdims=True) for name, values in outputs.items()}
    lively = by_window(outputs, means, np.mean) >= _LIVELY
    holed = np.any([np.isnan(a).reshape(_WINDOWS, -1).any(1) for a in samples.values()], 0)
    order = np.lexsort((apart_by, ~lively, apart_by > _AGREE))
    groups = ([w for w in order if not holed[w]], [w for w in order if holed[w]])
    return [int(group[0]) for group in groups if group]


def _vector(samples: _Arrays, digits: Mapping[str, int], outputs: _Arrays, window: int) -> Vector:
    return Vector(
        inputs={n: packed(a[window], digits[n]) for n, a in samples.items()},
        outputs={n: _places(a[window], a) for n, a in outputs.items()},
    )


def _places(values: np.ndarray, every_window: np.ndarray) -> Places:
    """Some values, of all channels in turn, with four digits or so."""
    flat = np.ravel(values)
    every = max(1, ceil(len(flat) / _PLACES))
    while gcd(every, np.atleast_1d(values).shape[-1]) > 1:
        every += 1
    decimals = max(_decimals(every_window) + 1, 0)
    numbers = [item for value in flat[::every] for item in packed(np.array([value]), decimals)]
    return Places(every, numbers)


def _tolerance(ours: np.ndarray, other: np.ndarray, spread: float) -> str:
    between = float(np.nanmax(np.abs(ours - other), initial=0.0))
    tolerance = max(_TOLERATED * spread, _ROOM * between, _LEAST_TOLERANCE)
    return format(Decimal(f"{tolerance:.4g}"), "f")


def _operators(content: bytes) -> tuple[str, list[OperatorUse]]:
    """The oldest runtime, as the converter wrote it, and the operators of every graph."""
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    with damage_named("model.tflite"):
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        counts = Counter(
            op.opcodeIndex for graph in model.subgraphs for op in graph.operators or []
        )
        uses = Counter[tuple[str, int]]()
        for index, count in counts.items():
            code = model.operatorCodes[index]
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            custom = (code.customCode or b"").decode()
            uses[custom or names.get(number, str(number)), code.version] += count
        least = ""
        for metadata in model.metadata or []:
            if metadata.name == _LEAST_RUNTIME.encode():
                data = bytes(model.buffers[metadata.buffer].data)
                least = data.split(b"\0")[0].decode("ascii", "replace")
    if least and not re.fullmatch(r"\d{1,4}(\.\d{1,6}){1,3}", least):
        raise BadInputError("the file names no version as its oldest runtime")
    return least, [OperatorUse(*use, count) for use, count in sorted(uses.items())]
