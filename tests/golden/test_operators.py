# SPDX-License-Identifier: Apache-2.0
"""golden(x) == TFLM(x) for random networks of one operator."""

from dataclasses import replace

import numpy as np
import pytest

from celosia import golden
from celosia.golden import add, conv
from celosia.golden.conv import exact_matmul
from celosia.golden.softmax import parameters as softmax_parameters
from celosia.golden.window import line_taps
from support.operators import OPERATORS, random_inputs
from support.tflm import run_reference

GRAPHS = 40


def test_every_operator_is_drawn():
    assert all(golden.supported(kind) for kind in OPERATORS)
    assert not golden.supported("LSTM")


@pytest.mark.parametrize("kind", OPERATORS)
def test_operator_equals_tflm(kind):
    for seed in range(GRAPHS):
        rng = np.random.default_rng(seed)
        graph = OPERATORS[kind](rng)
        inputs = random_inputs(rng, graph)
        for got, expected in zip(golden.run(graph, inputs), run_reference(graph, inputs), strict=True):
            assert got.dtype == expected.dtype
            assert np.array_equal(got, expected), f"seed {seed}: {graph.ops[0]}"


def test_grouped_convolution_equals_tflm():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        graph = OPERATORS["CONV_2D"](rng)
        data, weights = graph.tensors[0], graph.tensors[1]
        if weights.shape[0] % 2 == 0:
            graph.tensors[0] = replace(data, shape=(*data.shape[:3], 2 * weights.shape[3]))
            inputs = random_inputs(rng, graph)
            assert np.array_equal(golden.run(graph, inputs)[0], run_reference(graph, inputs)[0])


def test_int4_weights_equal_tflm():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        graph = OPERATORS["CONV_2D"](rng)
        weights = graph.tensors[1]
        assert weights.data is not None
        small = np.clip(weights.data // 16, -7, 7).astype(np.int8)
        graph.tensors[1] = replace(weights, dtype="int4", data=small)
        inputs = random_inputs(rng, graph)
        assert np.array_equal(golden.run(graph, inputs)[0], run_reference(graph, inputs)[0])


@pytest.mark.parametrize("magnitude", [1, 127])
def test_matmul_is_exact_on_either_side_of_float32(magnitude):
    rng = np.random.default_rng(magnitude)
    rows = rng.choice([-128, 127], (5, 3000)).astype(np.int8)
    columns = (rng.choice([-1, 1], (3000, 7)) * magnitude).astype(np.int8)
    columns[:, 0] = magnitude
    assert np.array_equal(exact_matmul(rows, columns), rows.astype(np.int64) @ columns.astype(np.int64))


@pytest.mark.parametrize("dilation", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_line_taps_equal_a_loop_over_every_output(stride, dilation, before):
    size, kernel, out = 7, 9, 4
    got = set()
    for tap, outputs, inputs in line_taps(size, kernel, stride, dilation, before, out):
        pairs = zip(range(out)[outputs], range(size)[inputs], strict=True)
        got |= {(tap, o, i) for o, i in pairs}
    positions = {(t, o, o * stride + t * dilation - before) for t in range(kernel) for o in range(out)}
    assert got == {p for p in positions if 0 <= p[2] < size}


def test_parameters_are_one_a_channel():
    rng = np.random.default_rng(5)
    graph = OPERATORS["CONV_2D"](rng)
    p = conv.parameters(graph, graph.ops[0])
    channels = graph.output(graph.ops[0]).shape[3]
    for values in (p.multiplier, p.exponent, p.bias):
        assert values.shape == (channels,)
        assert values.dtype == np.int32


def test_add_parameters():
    graph = OPERATORS["ADD"](np.random.default_rng(6))
    p = add.parameters(graph, graph.ops[0])
    assert p.left_shift == 20
    assert (1 << 30, 0) in (
        (p.multiplier1, p.exponent1),
        (p.multiplier2, p.exponent2),
    )  # the larger
    with pytest.raises(golden.UnsupportedOperator, match="operator 0 ADD 'out'"):
        conv.parameters(graph, graph.ops[0])


def test_softmax_needs_tflites_output_scale():
    graph = OPERATORS["SOFTMAX"](np.random.default_rng(7))
    graph.replace_tensor(graph.outputs[0], quantization=graph.tensors[0].quantization)
    with pytest.raises(ValueError, match="1/256"):
        softmax_parameters(graph, graph.ops[0])
