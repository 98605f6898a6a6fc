"""What a day of all models costs a gateway, in CPU seconds of one core.

Calls as the gateway's library makes them: NILM a window for each half of one, forecasts and
anomalies once an hour. Inputs are made up; the time of a call does not depend on them.

    .venv/bin/python -m benchmarks.gateway_day nilm_model.tflite anomaly_model.tflite …
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from smartwatts_ml.modelfiles.litert import LiteRTNetwork

DAY_S = 86_400
CALLS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    total = 0.0
    print("| file | calls a day | ms a call | CPU s a day |\n|---|---|---|---|")
    for path in parser.parse_args().files:
        network = LiteRTNetwork(path.read_bytes(), str(path))
        calls, seconds = calls_a_day(network), seconds_a_call(network)
        total += calls * seconds
        print(f"| {path.name} | {calls:.1f} | {1000 * seconds:.2f} | {calls * seconds:.3f} |")
    print(f"| all | | | {total:.3f} |")


def calls_a_day(network: LiteRTNetwork) -> float:
    if network.details["kind"] != "nilm":
        return 24.0
    return DAY_S / (network.details["period_s"] * network.details["window"] / 2)


def seconds_a_call(network: LiteRTNetwork) -> float:
    """CPU, a mean over many calls, of which the first does not count."""
    rng = np.random.default_rng(0)
    shapes = network.input_shapes.items()
    inputs = {name: rng.uniform(0, 100, shape).astype(np.float32) for name, shape in shapes}
    network(inputs)
    start = time.process_time()
    for _ in range(CALLS):
        network(inputs)
    return (time.process_time() - start) / CALLS


if __name__ == "__main__":
    main()
