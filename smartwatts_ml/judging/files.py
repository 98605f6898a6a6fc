"""A network of a run becomes the file that ships, and what has to hold of that whatever it says."""

from __future__ import annotations

from collections.abc import Iterator

from smartwatts_ml.gate import Check
from smartwatts_ml.judging.extremes import check_extremes
from smartwatts_ml.kinds.base import Network
from smartwatts_ml.modelfiles.conversion import Converted, convert_network
from smartwatts_ml.modelfiles.litert import LiteRTNetwork
from smartwatts_ml.modelfiles.needs import Needs
from smartwatts_ml.modelfiles.runtimes import try_on
from smartwatts_ml.runs.run import ModelRun
from smartwatts_ml.settings import Settings

__all__ = ["convert_for", "file_checks"]

_PARITY_SAMPLES = 64


def convert_for(run: ModelRun, network: Network, quantization: str, seed: int) -> Converted:
    """Convert a Keras network of the run's model. Raises ParityError where no file computes
    what it computes."""
    details = run.kind.read_details(network.details)
    samples = run.kind.work.sample_inputs(details, _PARITY_SAMPLES, seed)
    return convert_network(network, samples, quantization, run.kind.quantizations)


def file_checks(
    run: ModelRun, converted: Converted, network: Network, needs: Needs
) -> tuple[Check, ...]:
    """Whether the file, opened as ``network``, is finite on extremes, computes what Keras does,
    is small and quick enough, and runs on the releases of LiteRT that settings name. Raises
    SmartwattsError where one of those cannot be installed."""
    return (
        check_extremes(run.kind, network),
        *_budget_checks(converted, run.settings),
        *_runtime_checks(converted.content, needs, run.settings),
    )


def _runtime_checks(content: bytes, needs: Needs, settings: Settings) -> Iterator[Check]:
    for release in settings.check_runtimes:
        trial = try_on(release, content, needs, LiteRTNetwork(content).input_shapes)
        yield Check("runtime", trial.passed, trial.text)


def _budget_checks(converted: Converted, settings: Settings) -> tuple[Check, ...]:
    kib = len(converted.content) / 1024
    worst = max(converted.parity.values(), default=0.0)
    return (
        Check(
            "parity",
            True,
            f"differs from Keras by at most {worst:.2%} of an output's spread",
        ),
        Check(
            "size",
            kib <= settings.max_file_kib,
            f"file of {kib:.0f} KiB, at most {settings.max_file_kib}",
        ),
        Check(
            "latency",
            converted.latency_ms <= settings.max_latency_ms,
            f"{converted.latency_ms:.2f} ms a call, at most {settings.max_latency_ms:g}",
        ),
    )
