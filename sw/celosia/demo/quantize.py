# SPDX-License-Identifier: Apache-2.0
"""The trained network as int8: post-training quantization, the way TensorFlow Lite specifies it.

Weights: symmetric, −127 … 127, one scale per output channel (one in all for the dense layer). Activations:
asymmetric, the range seen on calibration images. Biases: int32 at the product of both scales.
Source: TensorFlow Lite's 8-bit quantization specification.
"""

import numpy as np

from celosia.model.graph import (
    Add,
    Conv2D,
    FullyConnected,
    Graph,
    Op,
    Pool2D,
    Quantization,
    Reshape,
    Softmax,
    Tensor,
)

from .layers import Conv, Dense
from .network import Network

__all__ = ["quantize", "quantize_images"]

IMAGE = Quantization((1 / 255,), (-128,))
"""Of the input: the greys 0 to 1 are −128 to 127."""


def quantize_images(images: np.ndarray) -> np.ndarray:
    """Images (n, 8, 8, 1) between 0 and 1 as the int8 the network's input takes."""
    return (np.rint(images * 255) - 128).astype(np.int8)


def activation_range(values: np.ndarray) -> Quantization:
    """The scale and zero point that cover `values`, and 0 exactly."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = (high - low) / 255
    return Quantization((scale,), (int(np.rint(-128 - low / scale)),))


class Builder:
    """Adds tensors and operators to a graph, by name."""

    def __init__(self, name: str, description: str):
        self.graph = Graph(name, [], [], (), (), description)

    def tensor(self, name: str, shape: tuple[int, ...], quantization: Quantization) -> int:
        self.graph.tensors.append(Tensor(name, shape, "int8", None, quantization))
        return len(self.graph.tensors) - 1

    def constant(self, name: str, data: np.ndarray, quantization: Quantization | None = None) -> int:
        self.graph.tensors.append(Tensor(name, data.shape, data.dtype.name, data, quantization))
        return len(self.graph.tensors) - 1

    def op(self, kind: str, inputs: tuple[int, ...], output: int, attributes) -> int:
        name = self.graph.tensors[output].name
        self.graph.ops.append(Op(kind, inputs, (output,), attributes, name))
        return output

    def weights(self, name: str, layer: Conv | Dense, source: int, per_channel: bool) -> tuple[int, int, int]:
        """The constants of a layer; returns the inputs of its operator: source, weights, bias."""
        flat = layer.weights.reshape(len(layer.weights), -1).astype(np.float64)
        peak = np.abs(flat).max(1) if per_channel else np.abs(flat).max(keepdims=True)[0]
        kind = Quantization(tuple(peak / 127), (0,) * len(peak))
        scale = np.array(kind.scale)
        stored = np.clip(np.rint(flat / scale[:, None]), -127, 127).astype(np.int8).reshape(layer.weights.shape)
        product = Quantization(tuple(scale * self.graph.tensors[source].scale), kind.zero_point)
        bias = np.rint(layer.bias / np.array(product.scale)).astype(np.int32)
        weights = self.constant(f"{name}/weights", stored, kind)
        return source, weights, self.constant(f"{name}/bias", bias, product)


def quantize(network: Network, calibration: np.ndarray, name: str, description: str) -> Graph:
    """`network` as an int8 graph, ranges taken from `calibration` images (n, 8, 8, 1) between 0 and 1."""
    values = network.forward(calibration)
    b = Builder(name, description)

    def activation(value: str, shape: tuple[int, ...]) -> int:
        return b.tensor(value, shape, activation_range(values[value]))

    def conv(value: str, layer: Conv, source: int, relu: bool) -> int:
        output = activation(value, (1, *values[value].shape[1:]))
        stride, fused = layer.stride, "RELU" if relu else "NONE"
        attributes = Conv2D(stride_h=stride, stride_w=stride, padding="SAME", activation=fused)
        return b.op("CONV_2D", b.weights(value, layer, source, per_channel=True), output, attributes)

    image = b.tensor("image", (1, *calibration.shape[1:]), IMAGE)
    stem = conv("stem", network.stem, image, relu=True)
    down = conv("down", network.down, stem, relu=True)
    inner = conv("inner", network.inner, down, relu=False)
    total = activation("sum", b.graph.tensors[down].shape)
    b.op("ADD", (inner, down), total, Add(activation="RELU"))
    wide = conv("wide", network.wide, total, relu=True)
    _, height, width, channels = b.graph.tensors[wide].shape
    kept = Quantization((b.graph.tensors[wide].scale,), (b.graph.tensors[wide].zero_point,))
    average = b.tensor("average", (1, 1, 1, channels), kept)
    b.op("AVERAGE_POOL_2D", (wide,), average, Pool2D(filter_h=height, filter_w=width))
    flat = b.tensor("flat", (1, channels), kept)
    shape = b.constant("flat/shape", np.array([1, channels], np.int32))
    b.op("RESHAPE", (average, shape), flat, Reshape(new_shape=(1, channels)))
    logits = activation("head", (1, 10))
    b.op("FULLY_CONNECTED", b.weights("head", network.head, flat, per_channel=False), logits, FullyConnected())
    scores = b.tensor("scores", (1, 10), Quantization((1 / 256,), (-128,)))
    b.op("SOFTMAX", (logits,), scores, Softmax())
    b.graph.inputs, b.graph.outputs = (image,), (scores,)
    b.graph.validate()
    return b.graph
