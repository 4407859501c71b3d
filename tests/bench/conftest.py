# SPDX-License-Identifier: Apache-2.0
"""The command line in this process, a network with every kind of layer that multiplies, and measurements of it."""

from functools import partial

import numpy as np
import pytest

from celosia import compiler
from celosia.arch.config import preset
from celosia.bench import measure
from celosia.demo import MODEL, digits
from celosia.model import Graph, Op, Quantization, Tensor, load
from celosia.model.attributes import Conv2D, DepthwiseConv2D
from celosia.runtime import Device
from celosia.sim import open_transport
from support.command_line import command


@pytest.fixture
def bench(capfd, monkeypatch):
    """Runs `celosia bench` with arguments."""
    monkeypatch.setenv("COLUMNS", "200")

    return partial(command, capfd, "bench")


@pytest.fixture(scope="session")
def measurement():
    """The digits network on c16, with its program and configuration."""
    config, graph = preset("c16"), load(MODEL)
    program = compiler.compile(graph, config)
    with Device(open_transport("functional", config)) as device:
        return config, program, measure("digits", graph, program, device, [digits().images[:1]])


@pytest.fixture
def separable():
    """A depthwise convolution, then a pointwise one: 1x6x6x4 to 1x6x6x8."""
    scale = Quantization((0.5,), (0,))

    def constant(name: str, shape: tuple[int, ...]) -> Tensor:
        return Tensor(name, shape, "int8", np.ones(shape, np.int8), scale)

    tensors = [
        Tensor("x", (1, 6, 6, 4), "int8", None, scale),
        constant("d", (1, 3, 3, 4)),
        Tensor("y", (1, 6, 6, 4), "int8", None, scale),
        constant("p", (8, 1, 1, 4)),
        Tensor("z", (1, 6, 6, 8), "int8", None, scale),
    ]
    depthwise = DepthwiseConv2D(padding="SAME")
    ops = [
        Op("DEPTHWISE_CONV_2D", (0, 1), (2,), depthwise, "deep, wise"),
        Op("CONV_2D", (2, 3), (4,), Conv2D(), "point;wise"),
    ]
    return Graph("separable", tensors, ops, (0,), (4,))
