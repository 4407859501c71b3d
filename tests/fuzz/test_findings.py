# SPDX-License-Identifier: Apache-2.0
"""What campaigns found, each as the small network that showed it."""

import numpy as np

from celosia import golden, runtime
from celosia.arch.config import PRESETS
from celosia.compiler import compile
from celosia.fuzz.builder import Builder


def test_what_a_pooling_command_does_not_use_may_lie_outside_the_memory():
    """A window of one column reads a second stream that nothing depends on; in a memory whose size is no power of
    two, the functional simulator took exception to where that lies."""
    config = PRESETS["c64"].replace(activation_bytes=600 * 32)
    b = Builder(np.random.default_rng(0))
    graph = b.output(b.maximum(b.input(1, 1, 3, 1), (3, 1), (1, 2), padding="SAME"))
    x = [np.array([[[[5], [-7], [90]]]], np.int8)]
    program = compile(graph, config)
    with runtime.open("functional", config) as device:
        np.testing.assert_array_equal(device.run(program, x).outputs[0], golden.run(graph, x)[0])
