# SPDX-License-Identifier: Apache-2.0
"""Quantized networks built operator by operator."""

from dataclasses import dataclass, field

import numpy as np

from celosia.model.attributes import (
    Add,
    Attributes,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    Mean,
    NoAttributes,
    Pool2D,
    Reshape,
    Softmax,
)
from celosia.model.graph import Graph, Op, Quantization, Tensor, same_padding

__all__ = ["Builder"]


@dataclass
class Builder:
    """Builds a graph; every method that adds an operator returns the index of its output tensor."""

    rng: np.random.Generator
    graph: Graph = field(default_factory=lambda: Graph("network", [], [], (), ()))

    def tensor(self, shape: tuple[int, ...], scale: float, zero_point: int, data: np.ndarray | None = None) -> int:
        """An int8 tensor with one scale."""
        quantization = Quantization((scale,), (zero_point,))
        name = f"t{len(self.graph.tensors)}"
        self.graph.tensors.append(Tensor(name, shape, "int8", data, quantization))
        return len(self.graph.tensors) - 1

    def constant(self, data: np.ndarray, quantization: Quantization | None = None) -> int:
        """A constant."""
        name = f"c{len(self.graph.tensors)}"
        self.graph.tensors.append(Tensor(name, data.shape, str(data.dtype), data, quantization))
        return len(self.graph.tensors) - 1

    def input(self, *shape: int) -> int:
        """An input of the network."""
        index = self.tensor(shape, 0.05, int(self.rng.integers(-128, 128)))
        self.graph.inputs = (*self.graph.inputs, index)
        return index

    def output(self, *indices: int) -> Graph:
        """The finished graph, checked."""
        self.graph.outputs = indices
        self.graph.validate()
        return self.graph

    def op(
        self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], attributes: Attributes, scale: float
    ) -> int:
        """An operator with a new output of a random zero point."""
        output = self.tensor(shape, scale, int(self.rng.integers(-128, 128)))
        self.graph.ops.append(Op(kind, inputs, (output,), attributes, f"op{len(self.graph.ops)}"))
        return output

    def shape(self, index: int) -> tuple[int, ...]:
        """The shape of a tensor."""
        return self.graph.tensors[index].shape

    def scales(self, channels: int) -> np.ndarray:
        """A scale of weights for each channel."""
        return self.rng.uniform(0.004, 0.02, channels)

    def weights(self, x: int, shape: tuple[int, ...], channels: int, axis: int) -> tuple[int, int, float]:
        """Random weights and biases for input ``x``, a scale for each channel, and the output scale that suits them."""
        data = self.rng.integers(-128, 128, shape).astype(np.int8)
        scales = self.scales(channels)
        weights = self.constant(data, Quantization(tuple(scales), (0,) * channels, axis))
        products = Quantization(tuple(self.graph.tensors[x].scale * scales), (0,) * channels)
        bias = self.constant(self.rng.integers(-20000, 20000, channels).astype(np.int32), products)
        terms = data.size / channels
        return weights, bias, 0.05 * 0.012 * 70 * 70 * terms**0.5 / 60

    def conv(self, x: int, channels: int, kernel: tuple[int, int] = (1, 1), **attributes) -> int:
        """CONV_2D."""
        a = Conv2D(**attributes)
        n, h, w, c = self.shape(x)
        weights, bias, scale = self.weights(x, (channels, *kernel, c), channels, 0)
        return self.op("CONV_2D", (x, weights, bias), (n, *_window(h, w, kernel, a), channels), a, scale)

    def depthwise(self, x: int, multiplier: int = 1, kernel: tuple[int, int] = (3, 3), **attributes) -> int:
        """DEPTHWISE_CONV_2D."""
        a = DepthwiseConv2D(depth_multiplier=multiplier, **attributes)
        n, h, w, c = self.shape(x)
        weights, bias, scale = self.weights(x, (1, *kernel, c * multiplier), c * multiplier, 3)
        shape = (n, *_window(h, w, kernel, a), c * multiplier)
        return self.op("DEPTHWISE_CONV_2D", (x, weights, bias), shape, a, scale)

    def dense(self, x: int, channels: int, **attributes) -> int:
        """FULLY_CONNECTED."""
        n, width = self.shape(x)
        weights, bias, scale = self.weights(x, (channels, width), channels, 0)
        return self.op("FULLY_CONNECTED", (x, weights, bias), (n, channels), FullyConnected(**attributes), scale)

    def add(self, a: int, b: int, **attributes) -> int:
        """ADD."""
        scale = float(self.rng.uniform(0.05, 0.2))
        return self.op("ADD", (a, b), self.shape(a), Add(**attributes), scale)

    def pad(self, x: int, top: int, bottom: int, left: int, right: int) -> int:
        """PAD of rows and columns with the input's zero point."""
        counts = self.constant(np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32))
        n, h, w, c = self.shape(x)
        data = self.graph.tensors[x]
        output = self.tensor((n, h + top + bottom, w + left + right, c), data.scale, data.zero_point)
        self.graph.ops.append(Op("PAD", (x, counts), (output,), NoAttributes(), "pad"))
        return output

    def reshape(self, x: int, *shape: int) -> int:
        """RESHAPE."""
        data = self.graph.tensors[x]
        output = self.tensor(shape, data.scale, data.zero_point)
        self.graph.ops.append(Op("RESHAPE", (x,), (output,), Reshape(new_shape=shape), "reshape"))
        return output

    def pool(self, x: int, size: int) -> int:
        """MAX_POOL_2D, square, without overlap."""
        return self.maximum(x, (size, size), (size, size))

    def maximum(self, x: int, kernel: tuple[int, int], stride: tuple[int, int], **attributes) -> int:
        """MAX_POOL_2D."""
        return self._pool("MAX_POOL_2D", x, kernel, stride, attributes)

    def average(self, x: int, kernel: tuple[int, int], stride: tuple[int, int], **attributes) -> int:
        """AVERAGE_POOL_2D."""
        return self._pool("AVERAGE_POOL_2D", x, kernel, stride, attributes)

    def _pool(self, kind: str, x: int, kernel: tuple[int, int], stride: tuple[int, int], attributes: dict) -> int:
        data = self.graph.tensors[x]
        n, h, w, c = data.shape
        a = Pool2D(filter_h=kernel[0], filter_w=kernel[1], stride_h=stride[0], stride_w=stride[1], **attributes)
        size = [same_padding(*v, 1, a.padding)[0] for v in zip((h, w), kernel, stride, strict=True)]
        output = self.tensor((n, *size, c), data.scale, data.zero_point)
        self.graph.ops.append(Op(kind, (x,), (output,), a, "pool"))
        return output

    def mean(self, x: int, *axes: int, keep: bool = True) -> int:
        """MEAN."""
        shape = self.shape(x)
        kept = tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)
        scale = self.graph.tensors[x].scale * float(self.rng.uniform(0.3, 1))
        return self.op("MEAN", (x, self.constant(np.array(axes, np.int32))), kept, Mean(keep_dims=keep), scale)

    def softmax(self, x: int) -> int:
        """SOFTMAX."""
        output = self.tensor(self.shape(x), 1 / 256, -128)
        self.graph.ops.append(Op("SOFTMAX", (x,), (output,), Softmax(), "softmax"))
        return output


def _window(h: int, w: int, kernel: tuple[int, int], a: Conv2D) -> tuple[int, int]:
    return (
        same_padding(h, kernel[0], a.stride_h, a.dilation_h, a.padding)[0],
        same_padding(w, kernel[1], a.stride_w, a.dilation_w, a.padding)[0],
    )
