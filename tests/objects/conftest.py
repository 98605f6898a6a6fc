"""A root of each sort."""

from __future__ import annotations

import pytest

from smartwatts_ml.objects import Objects, open_root


@pytest.fixture
def objects(root_url: str) -> Objects:
    return open_root(root_url)
