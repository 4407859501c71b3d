# SPDX-License-Identifier: Apache-2.0
"""Layouts: what they promise, and how host and device exchange values that have one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import PRESETS, Config
from celosia.compiler.layouts import Layout, Need, Pitch, layout_for
from celosia.runtime.program import Move
from compiler.networks import CONFIGS

WAYS = settings(max_examples=200, deadline=None, derandomize=True)
shapes = st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20), st.integers(1, 70))
needs = st.builds(Need, st.integers(0, 2), st.integers(0, 2), st.booleans())


@WAYS
@given(st.sampled_from([c for c in CONFIGS if c.down_channels]), shapes, needs)
def test_layout_satisfies_its_need(config: Config, shape, need):
    layout = layout_for(config, shape, need)
    _, height, width, channels = shape
    pixel, row, image = layout.pitch
    word, block = config.activation_word_bytes, config.down_channels
    columns = width + (width % 2 if need.even else 0)
    assert pixel >= channels
    assert row >= columns * pixel
    assert image == height * row
    if need.pixel:
        assert pixel % block == 0
        assert row % block == 0
    if need.pixel == 2:
        assert pixel % (2 * word) == word
    if need.row == 2:
        assert row % (2 * word) == word
    last = (shape[0] - 1) * image + (height - 1) * row + (columns - 1) * pixel
    assert last + channels <= layout.bytes <= last + pixel


@WAYS
@given(shapes, needs, needs)
def test_joined_needs_satisfy_both(shape, first, second):
    both = first.joined(second)
    assert both.joined(first) == both == both.joined(second)
    assert both == second.joined(first)


def test_shapes_of_the_same_pixels():
    dense = Layout((2, 3, 4, 5), Pitch.dense(3, 4, 5))
    assert dense.is_dense
    assert dense.bytes == 120
    assert dense.seen_as((2, 1, 12, 5)) == Pitch(5, 60, 60)
    assert dense.seen_as((1, 6, 4, 5)) is None
    apart = Layout((1, 3, 4, 5), Pitch(8, 40, 120))
    assert not apart.is_dense
    assert apart.seen_as((1, 1, 12, 5)) is None
    column = Layout((1, 9, 1, 5), Pitch(8, 16, 144))
    assert column.seen_as((1, 1, 9, 5)) == Pitch(16, 8, 144)


@pytest.mark.parametrize("need", [Need(1, 2), Need(2, 2, True)])
def test_move_there_and_back(need):
    rng = np.random.default_rng(1)
    layout = layout_for(PRESETS["c256"], (2, 3, 5, 11), need)
    pixel, row, image = layout.pitch
    move = Move(0, 0, layout.bytes, layout.shape, (image, row, pixel))
    value = rng.integers(-128, 128, layout.shape).astype(np.int8)
    data = move.pack(value)
    assert len(data) == layout.bytes
    np.testing.assert_array_equal(move.unpack(data), value.reshape(-1))
    at = image + 2 * row + 3 * pixel
    assert data[at : at + 11] == value[1, 2, 3].tobytes()


def test_move_of_lines():
    """Lines of 3 rows, 2 rows apart, from one row above the image on."""
    value = np.arange(4 * 2, dtype=np.int8).reshape(1, 4, 2, 1)
    move = Move(0, 0, 3 * 2 * 3, (1, 4, 2, 1), lines=(3, 3, 2, 1, -7))
    lines = np.frombuffer(move.pack(value), np.int8).reshape(3, 2, 3)
    assert lines[:, 0].tolist() == [[-7, 0, 2], [2, 4, 6], [6, -7, -7]]
    assert lines[:, 1].tolist() == [[-7, 1, 3], [3, 5, 7], [7, -7, -7]]
