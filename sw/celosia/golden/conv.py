# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, and the integer parameters that all operators with weights share.

    out = clamp(zero_out + MBQM(bias + Σ (x − zero_in) · w, multiplier, exponent))

TFLM's reference_integer_ops::ConvPerChannel. Sums are int32 and wrap.
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import Conv2D, FullyConnected
from celosia.model.errors import ModelError
from celosia.model.graph import Graph, Op, Tensor, window_padding

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers, require
from .quantize import activation_range, requantize, wrap_int32
from .window import Window

__all__ = ["ConvParameters", "conv_2d", "exact_matmul", "parameters"]

_FLOAT32_EXACT = 1 << 24


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvParameters:
    """The integers of a CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED.

    Parameters
    ----------
    multiplier, exponent, bias
        int32, one for each output channel.
    input_zero_point, filter_zero_point, output_zero_point
        −128 … 127; the filter's is 0 but for FULLY_CONNECTED.
    activation_min, activation_max
        Limits of the output.
    pad_top, pad_bottom, pad_left, pad_right
        Pixels; 0 for FULLY_CONNECTED.
    """

    multiplier: np.ndarray
    exponent: np.ndarray
    bias: np.ndarray
    input_zero_point: int
    filter_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int
    pad_top: int = 0
    pad_bottom: int = 0
    pad_left: int = 0
    pad_right: int = 0

    def requantize(self, sums: np.ndarray) -> np.ndarray:
        """int64 or int32 sums, channels last and the bias included, to int8 outputs."""
        return requantize(
            wrap_int32(sums),
            self.multiplier,
            self.exponent,
            self.output_zero_point,
            self.activation_min,
            self.activation_max,
        )


def parameters(graph: Graph, op: Op) -> ConvParameters:
    """Integer parameters of an operator with weights (TFLite's PopulateConvolutionQuantizationParams).

    Raises
    ------
    ModelError
        `op` is no CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED on int8 tensors.
    """
    attributes = op.attributes
    if not isinstance(attributes, (Conv2D, FullyConnected)):
        raise UnsupportedOperator(f"{graph.describe(op)} has no weights in a form that is supported")
    data, weights, out = int8_input(graph, op), require(graph, op, 1), int8_output(graph, op)
    scales, filter_zero_point = _filter_quantization(graph, op, weights)
    channels = weights.shape[3 if op.kind == "DEPTHWISE_CONV_2D" else 0]
    if len(scales) not in (1, channels):
        raise ModelError(f"{graph.describe(op)} has {len(scales)} filter scales for {channels} channels")
    multiplier, exponent = multipliers(graph, op, _real_multipliers(op, data, scales, out))
    low, high = activation_range(attributes.activation, out.scale, out.zero_point)
    window = isinstance(attributes, Conv2D)
    top, bottom, left, right = window_padding(graph, op) if window else (0, 0, 0, 0)
    return ConvParameters(
        multiplier=np.broadcast_to(multiplier, channels),
        exponent=np.broadcast_to(exponent, channels),
        bias=_bias(graph, op, channels),
        input_zero_point=data.zero_point,
        filter_zero_point=filter_zero_point,
        output_zero_point=out.zero_point,
        activation_min=low,
        activation_max=high,
        pad_top=top,
        pad_bottom=bottom,
        pad_left=left,
        pad_right=right,
    )


def _filter_quantization(graph: Graph, op: Op, weights: Tensor) -> tuple[tuple[float, ...], int]:
    """Scales of the filter, one or one a channel, and its zero point."""
    if weights.dtype not in ("int8", "int4") or weights.quantization is None:
        raise UnsupportedOperator(
            f"{graph.describe(op)} has {weights.dtype} weights, and only int8 is supported: "
            f"quantize the network to int8"
        )
    quantization = weights.quantization
    zero_points = set(quantization.zero_point)
    if zero_points != {0} and (len(zero_points) > 1 or op.kind != "FULLY_CONNECTED"):
        raise UnsupportedOperator(
            f"{graph.describe(op)} has weights with a zero point other than 0: quantize its weights symmetrically"
        )
    return quantization.scale, quantization.zero_point[0]


def _real_multipliers(op: Op, data: Tensor, scales: tuple[float, ...], out: Tensor) -> np.ndarray:
    """scale_in · scale_filter / scale_out in double precision.

    For a FULLY_CONNECTED with one scale TFLite multiplies the two scales in float32 first
    (GetQuantizedConvolutionMultipler).
    """
    if op.kind == "FULLY_CONNECTED" and len(scales) == 1:
        with np.errstate(over="ignore", under="ignore"):
            product = np.float32(data.scale) * np.float32(scales[0])
        return np.asarray([product], np.float64) / out.scale
    return data.scale * np.asarray(scales, np.float64) / out.scale


def _bias(graph: Graph, op: Op, channels: int) -> np.ndarray:
    bias = graph.input(op, 2)
    if bias is None:
        return np.zeros(channels, np.int32)
    if bias.dtype != "int32" or bias.data is None:
        raise UnsupportedOperator(
            f"{graph.describe(op)} has a bias that is no int32 constant: export it with constant int32 biases"
        )
    return bias.data.reshape(channels)


def exact_matmul(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """rows @ columns of small integers, exact, as int64, at the speed of floating point.

    float32 holds every partial sum in any order where Σ|row|·|column| stays below 2^24; otherwise float64,
    which does for any network.

    Parameters
    ----------
    rows
        (M, K), int8.
    columns
        (K, N), int8 or int16.
    """
    bound = 128 * np.abs(columns.astype(np.int64)).sum(axis=0).max(initial=0)
    dtype = np.float32 if bound < _FLOAT32_EXACT else np.float64
    return (rows.astype(dtype) @ columns.astype(dtype)).astype(np.int64)


def conv_2d(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 data and OHWI int8 filters to NHWC int8; grouped where filters have fewer input channels."""
    attributes, p = op.attributes, parameters(graph, op)
    data, weights = inputs[0], inputs[1]
    assert isinstance(attributes, Conv2D)
    assert data is not None
    assert weights is not None
    out_shape = graph.output(op).shape
    cout, kh, kw, depth = weights.shape
    window = Window(attributes, data.shape[1:3], (kh, kw), (p.pad_top, p.pad_left), out_shape[1:3])
    groups = data.shape[3] // depth
    sums = np.empty((*out_shape[:3], cout), np.int64)
    step = cout // groups
    for group in range(groups):
        part = data[..., group * depth : (group + 1) * depth]
        columns = window.columns(part, p.input_zero_point)
        channels = slice(group * step, (group + 1) * step)
        matrix = weights[channels].reshape(step, -1).T
        offset = matrix.astype(np.int64).sum(axis=0) * p.input_zero_point
        products = exact_matmul(columns, matrix) + (p.bias[channels].astype(np.int64) - offset)
        sums[..., channels] = products.reshape(*out_shape[:3], step)
    return [p.requantize(sums)]
