# SPDX-License-Identifier: Apache-2.0
"""Division by requantization: the proof by edges, checked against every sum."""

import numpy as np
import pytest

from celosia.compiler.average import division


@pytest.mark.parametrize("n", [*range(1, 50), 64, 100, 121, 125, 144, 196, 225, 961, 4096])
def test_division_is_exact_for_every_sum(n):
    found = division(n)
    assert found is not None
    sums = np.arange(-128 * n, 127 * n + 1)
    np.testing.assert_array_equal(found.of(sums), np.sign(sums) * ((np.abs(sums) + n // 2) // n))


def test_every_size_of_window_can_be_divided():
    assert all(division(n) for n in range(1, 1025))


def test_too_many_pixels():
    assert division((1 << 16) + 1) is None
