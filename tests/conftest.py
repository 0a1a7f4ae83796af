"""What all tests share; environments made for tests are in toys.py."""

from __future__ import annotations

import numpy as np
import pytest
import toys
from hypothesis import settings

settings.register_profile("dqnkit", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("dqnkit")
toys.register()


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of the test's own."""
    return np.random.default_rng(0)
