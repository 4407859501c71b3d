# SPDX-License-Identifier: Apache-2.0
"""Random networks of one operator, for comparing two ways of computing it.

Every function takes a seeded generator and returns a graph. Scales are drawn so that outputs spread over
int8, with now and then one that saturates, vanishes, or needs a left shift.
"""

from collections.abc import Callable

import numpy as np

from celosia.model.graph import (
    Add,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Graph,
    Mean,
    Mul,
    NoAttributes,
    Pool2D,
    Quantization,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Sub,
    Tensor,
    same_padding,
)

from .activations import elementwise, fixed_output, hard_swish, leaky_relu, prelu, softmax
from .drawing import (
    ACTIVATIONS,
    PADDINGS,
    constant,
    draw_scale,
    draw_shape,
    draw_value,
    like,
    near,
    random_inputs,
    single,
)
from .movement import concatenation, pad, reshape, resize, split, strided_slice, transpose

__all__ = ["OPERATORS", "random_inputs", "single"]


def _weights(rng: np.random.Generator, shape: tuple[int, ...], axis: int | None) -> Tensor:
    """Symmetric int8 weights; one scale for each index of `axis`, or one in all."""
    data = rng.integers(-127, 128, shape).astype(np.int8)
    count = 1 if axis is None else shape[axis]
    scales = tuple(draw_scale(rng) for _ in range(count))
    return Tensor("weights", shape, "int8", data, Quantization(scales, (0,) * count, axis or 0))


def _bias(rng: np.random.Generator, data: Tensor, weights: Tensor, channels: int, absent: float = 0.1) -> Tensor | None:
    """None with probability `absent`; dead channels with a bias near ±2^30 now and then."""
    if rng.random() < absent:
        return None
    values = rng.integers(-20000, 20000, channels)
    dead = rng.random(channels) < 0.1
    values[dead] = rng.choice([-1, 1], dead.sum()) * (1 << 30) + rng.integers(-200, 200, dead.sum())
    quantization = weights.quantization
    assert quantization is not None
    scales = tuple(data.scale * s for s in quantization.scale)
    return Tensor("bias", (channels,), "int32", values.astype(np.int32), Quantization(scales, (0,) * len(scales)))


def _sum_output(rng: np.random.Generator, shape: tuple[int, ...], data: Tensor, weights: Tensor, depth: int) -> Tensor:
    """An output whose scale suits sums of `depth` products, or is far off one time in five."""
    quantization = weights.quantization
    assert quantization is not None
    typical = data.scale * float(np.median(quantization.scale)) * 73 * 73 * depth**0.5 / 50
    if rng.random() < 0.2:
        typical *= 2.0 ** rng.integers(-12, 13)
    return draw_value(rng, "out", shape, float(np.float32(typical)))


def _window(rng: np.random.Generator) -> tuple[dict, tuple[int, int], tuple[int, int]]:
    """Attributes, kernel and image size of a convolution that fits."""
    attributes = {
        "stride_h": int(rng.integers(1, 4)),
        "stride_w": int(rng.integers(1, 4)),
        "padding": str(rng.choice(PADDINGS)),
        "activation": str(rng.choice(ACTIVATIONS)),
        "dilation_h": int(rng.choice([1, 1, 1, 2, 3])),
        "dilation_w": int(rng.choice([1, 1, 1, 2])),
    }
    kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    extent = [(k - 1) * attributes[f"dilation_{d}"] + 1 for k, d in zip(kernel, "hw", strict=True)]
    least = [1, 1] if attributes["padding"] == "SAME" else extent
    image = (int(least[0] + rng.integers(0, 9)), int(least[1] + rng.integers(0, 9)))
    return attributes, kernel, image


def _out_size(attributes: dict, kernel: tuple[int, int], image: tuple[int, int]) -> tuple[int, int]:
    height, width = (
        same_padding(n, k, attributes[f"stride_{d}"], attributes.get(f"dilation_{d}", 1), attributes["padding"])[0]
        for n, k, d in zip(image, kernel, "hw", strict=True)
    )
    return height, width


def conv_2d(rng: np.random.Generator) -> Graph:
    """Any stride, dilation, padding; per channel or per tensor."""
    attributes, kernel, image = _window(rng)
    batch, cin, cout = int(rng.integers(1, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 20))
    data = draw_value(rng, "in", (batch, *image, cin))
    weights = _weights(rng, (cout, *kernel, cin), 0 if rng.random() < 0.7 else None)
    out_shape = (batch, *_out_size(attributes, kernel, image), cout)
    output = _sum_output(rng, out_shape, data, weights, cin * kernel[0] * kernel[1])
    return single("CONV_2D", Conv2D(**attributes), [data, weights, _bias(rng, data, weights, cout)], output)


def depthwise_conv_2d(rng: np.random.Generator) -> Graph:
    """As `conv_2d`, with multipliers up to 4."""
    attributes, kernel, image = _window(rng)
    channels, multiplier = int(rng.integers(1, 20)), int(rng.choice([1, 1, 2, 4]))
    data = draw_value(rng, "in", (1, *image, channels))
    cout = channels * multiplier
    weights = _weights(rng, (1, *kernel, cout), 3 if rng.random() < 0.7 else None)
    out_shape = (1, *_out_size(attributes, kernel, image), cout)
    output = _sum_output(rng, out_shape, data, weights, kernel[0] * kernel[1])
    record = DepthwiseConv2D(**attributes, depth_multiplier=multiplier)
    bias = _bias(rng, data, weights, cout, absent=0)  # TFLM crashes on a DEPTHWISE_CONV_2D without one
    return single("DEPTHWISE_CONV_2D", record, [data, weights, bias], output)


def fully_connected(rng: np.random.Generator) -> Graph:
    """One scale, or one a channel; with one scale the weights' zero point may be other than 0."""
    batch, cin, cout = int(rng.integers(1, 4)), int(rng.integers(1, 300)), int(rng.integers(1, 40))
    data = draw_value(rng, "in", (batch, cin))
    weights = _weights(rng, (cout, cin), 0 if rng.random() < 0.3 else None)
    bias = _bias(rng, data, weights, cout)
    if weights.quantization is not None and weights.quantization.per_tensor and rng.random() < 0.3:
        shifted = Quantization(weights.quantization.scale, (int(rng.integers(-128, 128)),))
        weights = Tensor("weights", weights.shape, "int8", weights.data, shifted)
    output = _sum_output(rng, (batch, cout), data, weights, cin)
    return single(
        "FULLY_CONNECTED",
        FullyConnected(activation=str(rng.choice(ACTIVATIONS))),
        [data, weights, bias],
        output,
    )


def _other_shape(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """One that broadcasts with `shape`, or the same."""
    others = [shape, (1, 1, 1, shape[3]), (1, 1, 1, 1), shape[3:], (1,), (1, shape[1], 1, 1), shape[1:]]
    return others[int(rng.integers(len(others)))]


def _operands(rng: np.random.Generator) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Two values of any shapes that broadcast, one of them a constant now and then, and the shape they give."""
    shape = draw_shape(rng, 5)
    second_shape = _other_shape(rng, shape)
    first_shape = (1, shape[1], 1, shape[3]) if len(second_shape) < 4 and rng.random() < 0.2 else shape
    first, second = draw_value(rng, "first", first_shape), draw_value(rng, "second", second_shape)
    if rng.random() < 0.3:
        values = rng.integers(-128, 128, second_shape).astype(np.int8)
        second = Tensor("second", second_shape, "int8", values, second.quantization)
    if rng.random() < 0.3:
        first, second = second, first
    return first, second, np.broadcast_shapes(first_shape, second_shape)


def _binary(kind: str, record: type[Add]) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        first, second, shape = _operands(rng)
        scale = first.scale * second.scale * 128 if kind == "MUL" else max(first.scale, second.scale)
        output = draw_value(rng, "out", shape, near(rng, scale, -2, 2))
        return single(kind, record(activation=str(rng.choice(ACTIVATIONS))), [first, second], output)

    return build


def _choice(kind: str) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        first, second, shape = _operands(rng)
        return single(kind, NoAttributes(), [first, second], draw_value(rng, "out", shape))

    return build


def _pool(kind: str) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        attributes, kernel, image = _window(rng)
        attributes = {k: v for k, v in attributes.items() if not k.startswith("dilation")}
        channels = int(rng.integers(1, 20))
        image = (max(image[0], kernel[0]), max(image[1], kernel[1]))
        data = draw_value(rng, "in", (1, *image, channels))
        out_shape = (1, *_out_size(attributes, kernel, image), channels)
        output = like(data, "out", out_shape)
        record = Pool2D(filter_h=kernel[0], filter_w=kernel[1], **attributes)
        return single(kind, record, [data], output)

    return build


def mean(rng: np.random.Generator) -> Graph:
    """Over height and width, in either order, or over any other dimensions."""
    shape = draw_shape(rng, 8)
    axes = [(1, 2), (2, 1), (1,), (2,), (3,), (-1,), (-3, -2), (1, 2, 3), (0,)][int(rng.integers(9))]
    keep = bool(rng.random() < 0.5)
    reduced = {a % 4 for a in axes}
    kept = tuple(1 if i in reduced else n for i, n in enumerate(shape))
    dropped = tuple(n for i, n in enumerate(shape) if i not in reduced)
    data = draw_value(rng, "in", shape)
    output = draw_value(rng, "out", kept if keep else dropped, near(rng, data.scale, -3, 1))
    return single("MEAN", Mean(keep_dims=keep), [data, constant("axes", axes)], output)


OPERATORS: dict[str, Callable[[np.random.Generator], Graph]] = {
    "ADD": _binary("ADD", Add),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "HARD_SWISH": hard_swish,
    "LEAKY_RELU": leaky_relu,
    "LOGISTIC": fixed_output("LOGISTIC", 1 / 256, -128),
    "MAXIMUM": _choice("MAXIMUM"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": mean,
    "MINIMUM": _choice("MINIMUM"),
    "MUL": _binary("MUL", Mul),
    "PAD": pad("PAD"),
    "PADV2": pad("PADV2"),
    "PRELU": prelu,
    "QUANTIZE": elementwise("QUANTIZE"),
    "RELU": elementwise("RELU"),
    "RELU6": elementwise("RELU6"),
    "RESHAPE": reshape,
    "RESIZE_BILINEAR": resize("RESIZE_BILINEAR", ResizeBilinear),
    "RESIZE_NEAREST_NEIGHBOR": resize("RESIZE_NEAREST_NEIGHBOR", ResizeNearestNeighbor),
    "SOFTMAX": softmax,
    "SPLIT": split,
    "STRIDED_SLICE": strided_slice,
    "SUB": _binary("SUB", Sub),
    "TANH": fixed_output("TANH", 1 / 128, 0),
    "TRANSPOSE": transpose,
}
"""Every operator of the golden model."""
