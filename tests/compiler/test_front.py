# SPDX-License-Identifier: Apache-2.0
"""legalize, place, fit and lower: what becomes of each operator, and what the user is told."""

import dataclasses

import numpy as np
import pytest

from celosia.arch.config import PRESETS
from celosia.compiler import CompileError, check, compile
from celosia.compiler.forms import flattened
from celosia.compiler.ir import Axis, ConvLayer, Window
from celosia.compiler.layouts import Pitch
from celosia.compiler.passes.legalize import turned
from celosia.compiler.pipeline import analyze
from celosia.fuzz.builder import Builder
from celosia.model import Graph, ModelError, Quantization
from celosia.model.attributes import Concatenation, NoAttributes, Other
from celosia.model.graph import Op
from compiler.networks import CONFIGS, residual

CONFIG = PRESETS["c64"]
PRODUCTS_ONLY = CONFIG.replace(name="without DEPTHWISE", lanes=4)


def builder() -> Builder:
    return Builder(np.random.default_rng(1))


def places(graph: Graph, config=CONFIG) -> list[tuple[str, str]]:
    """Kind and place of every operator."""
    return [(row.op, row.place) for row in check(graph, config)]


def reason(graph: Graph) -> str:
    """Why the only operator is where it is."""
    (row,) = check(graph, CONFIG)
    assert row.place == "host"
    return row.why


def test_every_operator_has_a_row():
    graph = residual(np.random.default_rng(1))
    assert places(graph) == [
        ("PAD", "array"),
        ("CONV_2D", "array"),
        ("CONV_2D", "array"),
        ("ADD", "lanes"),
        ("DEPTHWISE_CONV_2D", "array"),
        ("MAX_POOL_2D", "array"),
        ("SOFTMAX", "host"),
        ("RESHAPE", "host"),
        ("FULLY_CONNECTED", "array"),
        ("SOFTMAX", "host"),
    ]
    rows = check(graph, CONFIG)
    assert [row.index for row in rows] == list(range(10))
    assert rows[0].why == "costs nothing: part of the operator that reads it"
    assert rows[7].why == "costs nothing: the same bytes under another shape"
    assert rows[6].why == "neither the array nor the lanes compute this kind of operator"


def test_pad_that_another_operator_reads_stays():
    b = builder()
    padded = b.pad(b.input(1, 4, 4, 2), 1, 1, 1, 1)
    graph = b.output(b.conv(padded, 3, (3, 3)), padded)
    assert places(graph) == [("PAD", "host"), ("CONV_2D", "array")]


def test_pad_of_channels_is_not_folded():
    b = builder()
    x = b.input(1, 4, 4, 2)
    padded = b.pad(x, 1, 1, 1, 1)
    counts = b.graph.ops[0].inputs[1]
    b.graph.replace_tensor(counts, data=np.array([[0, 0], [1, 1], [1, 1], [0, 1]], np.int32))
    b.graph.replace_tensor(padded, shape=(1, 6, 6, 3))
    assert places(b.output(b.conv(padded, 3, (3, 3)))) == [("PAD", "host"), ("CONV_2D", "array")]


def test_operator_nobody_reads_is_dropped():
    b = builder()
    x = b.input(1, 4, 4, 2)
    b.conv(x, 3)
    graph = b.output(b.conv(x, 5))
    assert [row.why for row in check(graph, CONFIG)] == ["nothing reads its result", "a matrix product"]
    assert len(compile(graph, CONFIG).commands) == 128


@pytest.mark.parametrize(
    ("window", "y", "x", "channels"),
    [
        # a kernel as wide as the image, moving down: rows in a row
        (
            Window(batch=1, channels=3, outputs=4, y=Axis(size=9, kernel=2, stride=3, out=3), x=Axis(size=5, kernel=5)),
            Axis(size=1),
            Axis(size=9, kernel=2, stride=3, out=3),
            15,
        ),
        # temporal: one pixel wide
        (
            Window(batch=1, channels=40, outputs=4, y=Axis(size=30, kernel=5, before=2, out=30), x=Axis(size=1)),
            Axis(size=1),
            Axis(size=30, kernel=5, before=2, out=30),
            40,
        ),
        # the whole image in one window: one row
        (
            Window(batch=1, channels=4, outputs=4, y=Axis(size=3, kernel=3), x=Axis(size=3, kernel=3)),
            Axis(size=1),
            Axis(size=3, kernel=3),
            12,
        ),
    ],
)
def test_flattened(window, y, x, channels):
    weights = np.zeros((window.outputs, window.y.kernel, window.x.kernel, window.channels), np.int8)
    (flat_weights, flat), *rest = flattened(weights, window)
    assert not rest
    assert (flat.y, flat.x, flat.channels) == (y, x, channels)
    assert flat_weights.shape == (window.outputs, y.kernel, x.kernel, channels)
    assert flat.y.size * flat.row_bytes == window.y.size * window.row_bytes


def test_flattened_leaves_padded_and_long_rows_alone():
    padded = Window(batch=1, channels=3, outputs=4, y=Axis(size=9, kernel=2, out=8), x=Axis(size=5, kernel=5, before=1))
    long = Window(batch=1, channels=4000, outputs=4, y=Axis(size=20, out=20), x=Axis(size=1))
    for window in (padded, long):
        weights = np.zeros((4, window.y.kernel, window.x.kernel, window.channels), np.int8)
        assert [w for _, w in flattened(weights, window)] == [window]


def test_gaps_can_be_skipped_or_run_over():
    """Pixels of 3 bytes 8 apart: a run over two of them is 11 bytes, or the image stays as it is."""
    window = Window(
        batch=1,
        channels=3,
        outputs=4,
        y=Axis(size=9, kernel=2, out=8),
        x=Axis(size=2, kernel=2),
        source=Pitch(8, 24, 9 * 24),
    )
    weights = np.ones((4, 2, 2, 3), np.int8)
    (flat_weights, flat), (same_weights, same) = flattened(weights, window)
    assert same is window
    assert same_weights is weights
    assert (flat.channels, flat.x.size, flat.y.size) == (11, 9, 1)
    assert flat_weights[0, 0, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]


def test_image_one_pixel_wide_is_turned():
    window = Window(
        batch=1,
        channels=4,
        outputs=4,
        y=Axis(size=9, kernel=2, out=8),
        x=Axis(size=1, kernel=3, before=1),
        depthwise=True,
    )
    flat = turned(window)
    assert (flat.y, flat.x, flat.turned) == (window.x, window.y, True)


def change_weights(b: Builder, **changes: object) -> None:
    b.graph.replace_tensor(b.graph.ops[0].inputs[1], **changes)


def test_rule_weights_constant():
    b = builder()
    x = b.input(1, 4, 4, 2)
    y = b.conv(x, 3)
    change_weights(b, data=None, quantization=Quantization((0.01,), (0,)))
    b.graph.inputs = (x, b.graph.ops[0].inputs[1])
    assert reason(b.output(y)) == "to run on the array, its weights must be constants and its input must not"


def test_rule_grouped():
    b = builder()
    y = b.conv(b.input(1, 4, 4, 4), 6)
    data = b.graph.tensors[b.graph.ops[0].inputs[1]].data
    assert data is not None
    change_weights(b, shape=(6, 1, 1, 2), data=data[..., :2].copy())
    assert reason(b.output(y)).startswith("to run on the array, a dense convolution only: each output channel")


def test_rule_symmetric_weights():
    b = builder()
    y = b.dense(b.input(1, 4), 3)
    change_weights(b, quantization=Quantization((0.01,), (3,)))
    assert reason(b.output(y)) == "to run on the array, its weights must have zero point 0"


def test_rule_row_bytes():
    b = builder()
    assert reason(b.output(b.dense(b.input(1, 1 << 16), 1))) == (
        "to run on the array, a row of its input must have at most 65535 bytes"
    )


def test_rule_kernel():
    b = builder()
    y = b.conv(b.input(1, 256, 8, 1), 1, (256, 4))
    assert reason(b.output(y)) == "to run on the array, its kernel must have at most 255 rows and columns"


def test_rule_steps():
    b = builder()
    y = b.conv(b.input(1, 513, 4, 1), 1, (1, 2), stride_h=256)
    assert "its vertical stride and dilation must be at most 255" in reason(b.output(y))


def test_rule_reach():
    """A kernel whose taps lie far apart: the walker's counters end at twice the activation memory."""
    b = builder()
    x = b.input(1, 4, 4, 16)
    near = CONFIG.reach_bytes // 16 // 8
    far = 4 * near - 1
    y = b.conv(x, 1, (1, 3), dilation_w=far, padding="SAME")
    assert reason(b.output(y)) == (
        "to run on the array, its window must not reach further than 32767 rows and 8388607 bytes, "
        "nor beside a row than memories are large"
    )
    b = builder()
    y = b.conv(b.input(1, 4, 4, 16), 1, (1, 3), dilation_w=near, padding="SAME")
    assert places(b.output(y)) == [("CONV_2D", "array")]


def test_rule_exponents():
    b = builder()
    y = b.conv(b.input(1, 2, 2, 2), 2)
    b.graph.replace_tensor(y, quantization=Quantization((1e-5,), (0,)))
    assert reason(b.output(y)) == "to run on the array, its scales must not need a left shift of more than 2 bits"


@pytest.mark.parametrize(
    ("shape", "why"),
    [((1, 1, 1, 3), "its inputs must have the same shape"), (None, "neither of its inputs may be a constant")],
)
def test_rule_add(shape, why):
    b = builder()
    x = b.input(1, 4, 4, 3)
    other = b.input(*shape) if shape else b.tensor((1, 4, 4, 3), 0.1, 0, np.ones((1, 4, 4, 3), np.int8))
    assert reason(b.output(b.add(x, other))) == f"to run on the lanes, {why}"


def test_unsupported_operator():
    b = builder()
    x = b.input(1, 4)
    y = b.tensor((1, 4), 0.1, 0)
    b.graph.ops.append(Op("SPACE_TO_DEPTH", (x,), (y,), Other(), "mystery"))
    graph = b.output(y)
    assert places(graph) == [("SPACE_TO_DEPTH", "unsupported")]
    with pytest.raises(CompileError, match="operator 0 SPACE_TO_DEPTH 'mystery' cannot run: no part of Celosia"):
        compile(graph, CONFIG)


def test_unsupported_variant():
    b = builder()
    y = b.conv(b.input(1, 4, 4, 2), 3)
    change_weights(b, quantization=Quantization((0.01,) * 3, (1,) * 3))
    (row,) = check(b.output(y), CONFIG)
    assert row.place == "unsupported"
    assert "quantize its weights symmetrically" in row.why


@pytest.mark.parametrize(
    ("kind", "attributes", "why"),
    [
        ("CONCATENATION", Concatenation(axis=1, activation="RELU"), "has a fused RELU"),
        ("LEAKY_RELU", NoAttributes(), "no PRELU or LEAKY_RELU in a form that is supported"),
        ("LOGISTIC", NoAttributes(), "quantize the network again"),
    ],
)
def test_variants_of_host_operators_are_refused_early(kind, attributes, why):
    """What golden does not compute is named before anything is built."""
    b = builder()
    x = b.input(1, 4)
    inputs, width = ((x, x), 8) if kind == "CONCATENATION" else ((x,), 4)
    graph = b.output(b.op(kind, inputs, (1, width), attributes, 0.1))
    (row,) = check(graph, CONFIG)
    assert row.place == "unsupported"
    assert why in row.why
    with pytest.raises(CompileError, match=f"operator 0 {kind} 'op0' cannot run: "):
        compile(graph, CONFIG)


def test_float_network():
    b = builder()
    x = b.input(1, 4)
    b.graph.tensors = [dataclasses.replace(t, dtype="float32", quantization=None) for t in b.graph.tensors]
    b.graph.outputs = (x,)
    with pytest.raises(ModelError, match="float32"):
        check(b.graph, CONFIG)
    with pytest.raises(ValueError, match="memory must be one of local, external, not 'remote'"):
        compile(b.graph, CONFIG, memory="remote")


def test_depthwise_without_room_goes_to_the_host():
    b = builder()
    y = b.depthwise(b.depthwise(b.input(1, 6, 6, 24), padding="SAME"), kernel=(1, 1))
    graph = b.output(y)
    # 3x3 over 24 channels in groups of 8 on an 8x8 array: 27 tiles of 64 bytes, and 3 for the 1x1
    assert [place for _, place in places(graph, PRODUCTS_ONLY)] == ["array", "array"]
    little = PRODUCTS_ONLY.replace(name="little", weight_bytes=29 * 64)
    rows = check(graph, little)
    assert [row.place for row in rows] == ["host", "array"]
    assert rows[0].why.startswith("its weight tiles have no room")
    assert compile(graph, little).layers[0].place == "host"
    # the second dataflow needs no diagonals
    assert [place for _, place in places(graph, CONFIG.replace(name="little", weight_bytes=29 * 64))] == ["array"] * 2


def test_pad_comes_back_with_a_depthwise_that_leaves():
    b = builder()
    x = b.conv(b.input(1, 6, 6, 3), 24)
    graph = b.output(b.conv(b.depthwise(b.pad(x, 1, 1, 1, 1)), 8))
    little = PRODUCTS_ONLY.replace(name="little", weight_bytes=29 * 64)
    assert [place for _, place in places(graph)] == ["array"] * 4
    assert [place for _, place in places(graph, little)] == ["array", "host", "host", "array"]
    assert [layer.place for layer in compile(graph, little).layers] == ["array", "host", "host", "array"]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_depthwise_groups_hold_each_weight_once(config):
    b = builder()
    graph = b.output(b.depthwise(b.input(1, 5, 5, 13), 2, (3, 2)))
    layer = analyze(graph, config, last="lower").layers[0]
    assert isinstance(layer, ConvLayer)
    weights = graph.constant(graph.ops[0], 1)
    assert weights is not None
    total = sum(int(np.count_nonzero(g.weights)) for g in layer.groups)
    assert total == np.count_nonzero(weights)


def test_zero_point_folds_into_the_bias():
    b = builder()
    graph = b.output(b.conv(b.input(1, 3, 3, 4), 5, (3, 3)))
    layer = analyze(graph, CONFIG, last="lower").layers[0]
    assert isinstance(layer, ConvLayer)
    weights, bias = graph.constant(graph.ops[0], 1), graph.constant(graph.ops[0], 2)
    assert weights is not None
    assert bias is not None
    folded = bias - layer.input_zero_point * weights.reshape(5, -1).sum(axis=1, dtype=np.int64)
    np.testing.assert_array_equal(layer.bias, folded.astype(np.int32))
