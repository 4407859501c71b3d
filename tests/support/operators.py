# SPDX-License-Identifier: Apache-2.0
"""Random networks of one operator, for comparing two ways of computing it.

Every function takes a seeded generator and returns a graph. Scales are drawn so that outputs spread over
int8, with now and then one that saturates, vanishes, or needs a left shift.
"""

from collections.abc import Callable, Sequence

import numpy as np

from celosia.model.graph import (
    Add,
    Attributes,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Graph,
    Mean,
    Mul,
    NoAttributes,
    Op,
    Pool2D,
    Quantization,
    Reshape,
    Softmax,
    Sub,
    Tensor,
    same_padding,
)

__all__ = ["OPERATORS", "random_inputs", "single"]

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
PADDINGS = ("SAME", "VALID")


def single(kind: str, attributes: Attributes, inputs: Sequence[Tensor | None], output: Tensor) -> Graph:
    """A graph of one operator; the inputs without data are the graph's inputs."""
    tensors: list[Tensor] = []
    indices = []
    for tensor in inputs:
        indices.append(-1 if tensor is None else len(tensors))
        if tensor is not None:
            tensors.append(tensor)
    given = tuple(i for i, t in enumerate(tensors) if t.data is None)
    tensors.append(output)
    out = (len(tensors) - 1,)
    return Graph(kind.lower(), tensors, [Op(kind, tuple(indices), out, attributes, output.name)], given, out)


def random_inputs(rng: np.random.Generator, graph: Graph) -> list[np.ndarray]:
    """Uniform int8 values for every input of a graph."""
    return [rng.integers(-128, 128, graph.tensors[i].shape, np.int8) for i in graph.inputs]


def _value(rng: np.random.Generator, name: str, shape: tuple[int, ...], scale: float | None = None) -> Tensor:
    """An int8 value with a random zero point, at the ends of the range one time in three."""
    zero_point = int(rng.choice([-128, 127, 0, *rng.integers(-128, 128, 3).tolist()]))
    quantization = Quantization((_scale(rng) if scale is None else scale,), (zero_point,))
    return Tensor(name, shape, "int8", None, quantization)


def _scale(rng: np.random.Generator) -> float:
    return float(np.float32(2 ** rng.uniform(-9, -1)))


def _constant(name: str, values: Sequence[int] | np.ndarray, dtype: str = "int32") -> Tensor:
    data = np.asarray(values, dtype)
    return Tensor(name, data.shape, dtype, data)


def _weights(rng: np.random.Generator, shape: tuple[int, ...], axis: int | None) -> Tensor:
    """Symmetric int8 weights; one scale for each index of `axis`, or one in all."""
    data = rng.integers(-127, 128, shape).astype(np.int8)
    count = 1 if axis is None else shape[axis]
    scales = tuple(_scale(rng) for _ in range(count))
    return Tensor("weights", shape, "int8", data, Quantization(scales, (0,) * count, axis or 0))


def _bias(
    rng: np.random.Generator, data: Tensor, weights: Tensor, channels: int, absent: float = 0.1
) -> Tensor | None:
    """None with probability `absent`; dead channels with a bias near ±2^30 now and then."""
    if rng.random() < absent:
        return None
    values = rng.integers(-20000, 20000, channels)
    dead = rng.random(channels) < 0.1
    values[dead] = rng.choice([-1, 1], dead.sum()) * (1 << 30) + rng.integers(-200, 200, dead.sum())
    quantization = weights.quantization
    assert quantization is not None
    scales = tuple(data.scale * s for s in quantization.scale)
    return Tensor(
        "bias", (channels,), "int32", values.astype(np.int32), Quantization(scales, (0,) * len(scales))
    )


def _sum_output(
    rng: np.random.Generator, shape: tuple[int, ...], data: Tensor, weights: Tensor, depth: int
) -> Tensor:
    """An output whose scale suits sums of `depth` products, or is far off one time in five."""
    quantization = weights.quantization
    assert quantization is not None
    typical = data.scale * float(np.median(quantization.scale)) * 73 * 73 * depth**0.5 / 50
    if rng.random() < 0.2:
        typical *= 2.0 ** rng.integers(-12, 13)
    return _value(rng, "out", shape, float(np.float32(typical)))


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
        same_padding(
            n, k, attributes[f"stride_{d}"], attributes.get(f"dilation_{d}", 1), attributes["padding"]
        )[0]
        for n, k, d in zip(image, kernel, "hw", strict=True)
    )
    return height, width


def conv_2d(rng: np.random.Generator) -> Graph:
    """Any stride, dilation, padding; per channel or per tensor."""
    attributes, kernel, image = _window(rng)
    batch, cin, cout = int(rng.integers(1, 3)), int(rng.integers(1, 20)), int(rng.integers(1, 20))
    data = _value(rng, "in", (batch, *image, cin))
    weights = _weights(rng, (cout, *kernel, cin), 0 if rng.random() < 0.7 else None)
    out_shape = (batch, *_out_size(attributes, kernel, image), cout)
    output = _sum_output(rng, out_shape, data, weights, cin * kernel[0] * kernel[1])
    return single("CONV_2D", Conv2D(**attributes), [data, weights, _bias(rng, data, weights, cout)], output)


def depthwise_conv_2d(rng: np.random.Generator) -> Graph:
    """As `conv_2d`, with multipliers up to 4."""
    attributes, kernel, image = _window(rng)
    channels, multiplier = int(rng.integers(1, 20)), int(rng.choice([1, 1, 2, 4]))
    data = _value(rng, "in", (1, *image, channels))
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
    data = _value(rng, "in", (batch, cin))
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


def _binary(kind: str, record: type[Add]) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        shape = (1, *(int(n) for n in rng.integers(1, 6, 3)))
        first = _value(rng, "first", shape)
        other = rng.choice(["same", "channel", "scalar", "constant"])
        second_shape = {"channel": (1, 1, 1, shape[3]), "scalar": (1, 1, 1, 1)}.get(str(other), shape)
        second = _value(rng, "second", second_shape)
        if other == "constant":
            values = rng.integers(-128, 128, shape).astype(np.int8)
            second = Tensor("second", shape, "int8", values, second.quantization)
        scale = first.scale * second.scale * 128 if kind == "MUL" else max(first.scale, second.scale)
        output = _value(rng, "out", shape, float(np.float32(scale * 2 ** rng.uniform(-2, 2))))
        return single(kind, record(activation=str(rng.choice(ACTIVATIONS))), [first, second], output)

    return build


def _pool(kind: str) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        attributes, kernel, image = _window(rng)
        attributes = {k: v for k, v in attributes.items() if not k.startswith("dilation")}
        channels = int(rng.integers(1, 20))
        image = (max(image[0], kernel[0]), max(image[1], kernel[1]))
        data = _value(rng, "in", (1, *image, channels))
        out_shape = (1, *_out_size(attributes, kernel, image), channels)
        output = Tensor("out", out_shape, "int8", None, data.quantization)
        record = Pool2D(filter_h=kernel[0], filter_w=kernel[1], **attributes)
        return single(kind, record, [data], output)

    return build


def softmax(rng: np.random.Generator) -> Graph:
    """Scales from nearly uniform outputs to a single winner."""
    shape = (int(rng.integers(1, 4)), int(rng.integers(1, 200)))
    data = _value(rng, "in", shape, float(np.float32(2 ** rng.uniform(-9, 2))))
    output = Tensor("out", shape, "int8", None, Quantization((1 / 256,), (-128,)))
    return single("SOFTMAX", Softmax(beta=float(rng.choice([1.0, 0.5]))), [data], output)


def _elementwise(kind: str) -> Callable[[np.random.Generator], Graph]:
    def build(rng: np.random.Generator) -> Graph:
        shape = (1, *(int(n) for n in rng.integers(1, 9, 3)))
        data = _value(rng, "in", shape)
        output = _value(rng, "out", shape, float(np.float32(data.scale * 2 ** rng.uniform(-3, 3))))
        if kind == "RELU6":
            output = Tensor("out", shape, "int8", None, data.quantization)
        return single(kind, NoAttributes(), [data], output)

    return build


def mean(rng: np.random.Generator) -> Graph:
    """Over height and width, or over any one dimension."""
    shape = (1, *(int(n) for n in rng.integers(1, 9, 3)))
    axes = [(1, 2), (1,), (2,), (3,), (-1,)][int(rng.integers(5))]
    keep = bool(rng.random() < 0.5)
    reduced = {a % 4 for a in axes}
    kept = tuple(1 if i in reduced else n for i, n in enumerate(shape))
    dropped = tuple(n for i, n in enumerate(shape) if i not in reduced)
    data = _value(rng, "in", shape)
    output = _value(
        rng, "out", kept if keep else dropped, float(np.float32(data.scale * 2 ** rng.uniform(-3, 1)))
    )
    return single("MEAN", Mean(keep_dims=keep), [data, _constant("axes", axes)], output)


def pad(rng: np.random.Generator) -> Graph:
    """Around height, width and channels."""
    shape = (1, *(int(n) for n in rng.integers(1, 6, 3)))
    padding = np.concatenate([np.zeros((1, 2), int), rng.integers(0, 4, (3, 2))])
    data = _value(rng, "in", shape)
    out_shape = tuple(int(n + p.sum()) for n, p in zip(shape, padding, strict=True))
    output = Tensor("out", out_shape, "int8", None, data.quantization)
    return single("PAD", NoAttributes(), [data, _constant("padding", padding)], output)


def transpose(rng: np.random.Generator) -> Graph:
    """Any permutation of four dimensions."""
    shape = tuple(int(n) for n in rng.integers(1, 6, 4))
    order = rng.permutation(4)
    data = _value(rng, "in", shape)
    output = Tensor("out", tuple(shape[i] for i in order), "int8", None, data.quantization)
    return single("TRANSPOSE", NoAttributes(), [data, _constant("order", order)], output)


def reshape(rng: np.random.Generator) -> Graph:
    """Four dimensions to two."""
    shape = (1, *(int(n) for n in rng.integers(1, 6, 3)))
    data = _value(rng, "in", shape)
    new_shape = (shape[1], shape[2] * shape[3])
    output = Tensor("out", new_shape, "int8", None, data.quantization)
    return single("RESHAPE", Reshape(new_shape=new_shape), [data, _constant("shape", new_shape)], output)


def concatenation(rng: np.random.Generator) -> Graph:
    """Two to four inputs of one scale along any dimension."""
    axis, shape = int(rng.integers(1, 4)), [1, *(int(n) for n in rng.integers(1, 6, 3))]
    first = _value(rng, "in0", tuple(shape))
    inputs: list[Tensor] = []
    for i in range(int(rng.integers(2, 5))):
        shape[axis] = int(rng.integers(1, 6))
        inputs.append(Tensor(f"in{i}", tuple(shape), "int8", None, first.quantization))
    shape[axis] = sum(t.shape[axis] for t in inputs)
    output = Tensor("out", tuple(shape), "int8", None, first.quantization)
    stored_axis = axis if rng.random() < 0.5 else axis - 4
    return single("CONCATENATION", Concatenation(axis=stored_axis), inputs, output)


OPERATORS: dict[str, Callable[[np.random.Generator], Graph]] = {
    "ADD": _binary("ADD", Add),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": mean,
    "MUL": _binary("MUL", Mul),
    "PAD": pad,
    "QUANTIZE": _elementwise("QUANTIZE"),
    "RELU": _elementwise("RELU"),
    "RELU6": _elementwise("RELU6"),
    "RESHAPE": reshape,
    "SOFTMAX": softmax,
    "SUB": _binary("SUB", Sub),
    "TRANSPOSE": transpose,
}
"""Every operator of the golden model."""
