"""Outputs of a network that was read from a file are changed, whatever its operations are
called."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def doubled(_: Mapping[str, Any], outputs: Mapping[str, Any]) -> dict[str, Any]:
    import keras

    return {name: keras.ops.multiply(output, 2.0) for name, output in outputs.items()}


@pytest.mark.slow
def test_operations_of_a_file_and_new_ones_may_have_one_name(tmp_path: Path) -> None:
    import keras

    from smartwatts_ml.kinds.graph import put_on_top

    keras.backend.clear_session()  # names begin anew, as in another process
    history = keras.Input((3, 1), name="history_w")
    network = keras.Model(history, {"power_w": keras.ops.multiply(history, 3.0)})
    network.save(tmp_path / "network.keras")
    keras.backend.clear_session()
    network = keras.saving.load_model(tmp_path / "network.keras")
    changed = put_on_top(put_on_top(network, doubled), doubled)
    changed.save(tmp_path / "changed.keras")
    again = keras.saving.load_model(tmp_path / "changed.keras")
    history_w = np.ones((1, 3, 1), np.float32)
    np.testing.assert_array_equal(again(history_w)["power_w"], 12 * history_w)
