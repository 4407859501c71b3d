# SPDX-License-Identifier: Apache-2.0
"""Hypothesis strategies for small networks: every kind of layer, with quantization at its extremes.

What shapes a network is drawn, so that a failure shrinks to few, small layers; the numbers in it come from a seed.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from celosia.model import Graph, Quantization
from celosia.model.graph import same_padding

from .builder import Builder

__all__ = ["networks"]

LARGEST = 8192
"""Elements of a tensor between two layers, at most."""

WIDEST_SOFTMAX = 512

Draw = Callable[[st.SearchStrategy[Any]], Any]


class _Drawn(Builder):
    """A builder whose scales, zero points and biases are sometimes extreme."""

    def __init__(self, draw: Draw):
        super().__init__(np.random.default_rng(draw(st.integers(0, (1 << 32) - 1))))
        self.draw = draw

    def op(self, kind: str, inputs: tuple[int, ...], shape: tuple[int, ...], attributes: Any, scale: float) -> int:
        # Far too small a scale saturates, far too large a one leaves a single value.
        octaves = self.draw(st.sampled_from([0, 0, 0, -1, 1, -3, 3, -8, 8]))
        return self._extreme(super().op(kind, inputs, shape, attributes, scale * 2.0**octaves))

    def input(self, *shape: int) -> int:
        return self._extreme(super().input(*shape))

    def _extreme(self, index: int) -> int:
        """The same tensor, with a zero point at the end of its range now and then."""
        zero_point = self.draw(st.sampled_from([None, -128, 127, 0]))
        if zero_point is not None:
            tensor = self.graph.tensors[index]
            self.graph.tensors[index] = replace(tensor, quantization=Quantization((tensor.scale,), (zero_point,)))
        return index

    def scales(self, channels: int) -> np.ndarray:
        # Powers of two make multipliers of 2^30.
        powers = self.draw(st.booleans())
        return 2.0 ** self.rng.integers(-12, -4, channels) if powers else super().scales(channels)

    def weights(self, x: int, shape: tuple[int, ...], channels: int, axis: int) -> tuple[int, int, float]:
        weights, bias, scale = super().weights(x, shape, channels, axis)
        if self.draw(st.booleans()):  # dead channels: no weights, a huge bias
            dead = self.rng.random(channels) < 0.3
            data, values = (self.graph.tensors[index].data for index in (weights, bias))
            assert data is not None
            assert values is not None
            np.moveaxis(data, axis, 0)[dead] = 0
            values[dead] = self.rng.choice([-1, 1], dead.sum()) * (1 << 30) + self.rng.integers(-2, 3, dead.sum())
        return weights, bias, scale


def _kernel(b: _Drawn, x: int) -> tuple[tuple[int, int], dict[str, Any]]:
    """A window that fits the image ``x``, and its attributes."""
    _, h, w, _ = b.shape(x)
    padding = b.draw(st.sampled_from(["SAME", "VALID"]))
    most = (5, 5) if padding == "SAME" else (min(h, 5), min(w, 5))
    kernel = (b.draw(st.integers(1, most[0])), b.draw(st.integers(1, most[1])))
    stride = (b.draw(st.integers(1, 3)), b.draw(st.integers(1, 3)))
    return kernel, {"stride_h": stride[0], "stride_w": stride[1], "padding": padding}


def _dilated(b: _Drawn, x: int) -> tuple[tuple[int, int], dict[str, Any]]:
    """The same, sometimes dilated (then its strides are 1), with an activation."""
    kernel, attributes = _kernel(b, x)
    attributes["activation"] = b.draw(st.sampled_from(["NONE", "RELU", "RELU6"]))
    dilation = (b.draw(st.integers(1, 2)), b.draw(st.integers(1, 2)))
    _, h, w, _ = b.shape(x)
    fits = all(
        same_padding(size, k, 1, d, attributes["padding"])[0] > 0
        for size, k, d in zip((h, w), kernel, dilation, strict=True)
    )
    if dilation != (1, 1) and fits:
        attributes |= {"stride_h": 1, "stride_w": 1, "dilation_h": dilation[0], "dilation_w": dilation[1]}
    return kernel, attributes


def _channels(b: _Drawn) -> int:
    return b.draw(st.one_of(st.integers(1, 9), st.integers(10, 40)))


def _conv(b: _Drawn, x: int) -> int:
    kernel, attributes = _dilated(b, x)
    return b.conv(x, _channels(b), kernel, **attributes)


def _depthwise(b: _Drawn, x: int) -> int:
    kernel, attributes = _dilated(b, x)
    return b.depthwise(x, b.draw(st.sampled_from([1, 1, 2])), kernel, **attributes)


def _maximum(b: _Drawn, x: int) -> int:
    kernel, attributes = _kernel(b, x)
    stride = (attributes.pop("stride_h"), attributes.pop("stride_w"))
    return b.maximum(x, kernel, stride, **attributes)


def _average(b: _Drawn, x: int) -> int:
    kernel, attributes = _kernel(b, x)
    stride = (attributes.pop("stride_h"), attributes.pop("stride_w"))
    return b.average(x, kernel, stride, **attributes)


def _mean(b: _Drawn, x: int) -> int:
    return b.mean(x, 1, 2, keep=True)


def _pad(b: _Drawn, x: int) -> int:
    return b.pad(x, *(b.draw(st.integers(0, 2)) for _ in range(4)))


def _add(b: _Drawn, x: int) -> int:
    """With any earlier tensor of the same shape, or with itself."""
    others = [i for i, t in enumerate(b.graph.tensors) if t.data is None and t.shape == b.shape(x)]
    return b.add(x, b.draw(st.sampled_from(others)), activation=b.draw(st.sampled_from(["NONE", "RELU"])))


def _flatten(b: _Drawn, x: int) -> int:
    n, h, w, c = b.shape(x)
    return b.reshape(x, n, h * w * c)


def _dense(b: _Drawn, x: int) -> int:
    return b.dense(x, _channels(b))


def _softmax(b: _Drawn, x: int) -> int:
    """Nothing where a row is so wide that the reference interpreter gives up (it aborts the process)."""
    return b.softmax(x) if b.shape(x)[-1] <= WIDEST_SOFTMAX else x


IMAGE_LAYERS = [
    _conv,
    _conv,
    _depthwise,
    _depthwise,
    _depthwise,
    _add,
    _add,
    _pad,
    _maximum,
    _average,
    _mean,
    _flatten,
    _softmax,
]
FLAT_LAYERS = [_dense, _add, _softmax]


@st.composite
def networks(draw: Draw, most: int = 5) -> Graph:
    """Networks of 1 to ``most`` layers on one image; some of their values are also outputs."""
    b = _Drawn(draw)
    side = st.one_of(st.integers(1, 6), st.integers(7, 20))
    x = b.input(1, draw(side), draw(side), draw(st.one_of(st.integers(1, 4), st.integers(5, 20), st.integers(21, 64))))
    outputs = []
    for _ in range(draw(st.integers(1, most))):
        layers = IMAGE_LAYERS if len(b.shape(x)) == 4 else FLAT_LAYERS
        x = draw(st.sampled_from(layers))(b, x)
        if np.prod(b.shape(x)) > LARGEST:
            break
        if draw(st.integers(0, 9)) == 9:
            outputs.append(x)
    if not b.graph.ops:
        x = _add(b, x)
    return b.output(*dict.fromkeys([*outputs, x]))
