# SPDX-License-Identifier: Apache-2.0
"""Every form of a convolution makes the same output; the cheapest is taken."""

import numpy as np
import pytest

from celosia import golden
from celosia.arch.config import PRESETS
from celosia.compiler import compile
from celosia.compiler.forms import best_form, forms
from celosia.compiler.passes import layout, lower
from celosia.compiler.pipeline import analyze
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.runtime import Device
from celosia.sim.functional import FunctionalTransport
from compiler.networks import CONFIGS, random_input

_MOST_FORMS = 64


def network(depthwise: bool) -> tuple[Graph, np.ndarray]:
    """One convolution whose output rows have 12 pixels, and an input."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    x = b.input(1, 6, 24, 3)
    if depthwise:
        y = b.depthwise(x, 1, (3, 3), stride_w=2, padding="SAME")
    else:
        y = b.conv(x, 4, (3, 3), stride_w=2, padding="SAME")
    graph = b.output(y)
    return graph, random_input(rng, graph)[0]


@pytest.mark.parametrize("depthwise", [False, True], ids=["dense", "depthwise"])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_every_form_is_right(config, depthwise, monkeypatch):
    graph, x = network(depthwise)
    expected = golden.run(graph, [x])[0]

    number, counts = 0, []

    def chosen(config, weights, window):
        every = list(forms(config, weights, window))
        counts.append(len(every))
        return every[min(number, len(every) - 1)]

    monkeypatch.setattr(lower, "best_form", chosen)
    monkeypatch.setattr(layout, "plans_for", lambda config, window: ())
    device = Device(FunctionalTransport(config))
    for number in range(_MOST_FORMS):
        program = compile(graph, config)
        np.testing.assert_array_equal(device.run(program, x).outputs[0], expected)
        if number + 1 >= max(counts):
            break
    assert (1 if depthwise else 2) <= max(counts) <= _MOST_FORMS


def test_unrolling_uses_idle_columns():
    """8 output channels on 16 columns, 27 of 32 rows a pixel: two pixels at once take as long as one."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    graph = b.output(b.conv(b.input(1, 96, 96, 3), 8, (3, 3), stride_h=2, stride_w=2, padding="SAME"))
    layer = analyze(graph, PRESETS["c256"], last="lower").layers[0]
    assert layer.window.x.out == 24  # type: ignore[union-attr]
    assert layer.window.outputs == 16  # type: ignore[union-attr]
    assert layer.groups[0].weights.shape == (16, 3, 1, 15)  # type: ignore[union-attr]


def test_dense_form_where_nothing_is_idle():
    rng = np.random.default_rng(1)
    b = Builder(rng)
    graph = b.output(b.conv(b.input(1, 8, 8, 16), 16, (3, 3), padding="SAME"))
    node = analyze(graph, PRESETS["c256"], last="fit").nodes[0]
    assert node.window is not None
    weights = graph.constant(graph.ops[0], 1)
    assert weights is not None
    assert best_form(PRESETS["c256"], weights, node.window).unroll == 1
