# SPDX-License-Identifier: Apache-2.0
"""Pass 5, lower: array and lane nodes as integers, in the form their commands compute.

Zero points. The array multiplies raw bytes, and reads the input's zero point outside the image, so
``Σ (x − z)·w + bias = Σ x·w + (bias − z·Σw)``: the bracket is the bias of the parameter record, modulo 2³².
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from celosia.golden.add import parameters as add_parameters
from celosia.golden.conv import parameters as conv_parameters
from celosia.golden.pool import parameters as pool_parameters
from celosia.golden.quantize import INT8_MIN, wrap_int32

from ..average import average_parameters
from ..down import down_groups
from ..forms import best_form
from ..interleave import interleaved_weights
from ..ir import AddLayer, ConvLayer, DepthwiseLayer, Layer, Module, Node, Window
from ..walks import walk_of
from .layout import filter_of, laid_out

__all__ = ["lower"]


def lower(module: Module) -> Module:
    """The module with a layer for every node on the array and the lanes."""
    layers: dict[int, Layer] = {}
    for node in module.nodes:
        if node.place == "lanes":
            layers[node.layer] = _add(module, node)
        elif node.place == "array":
            window = laid_out(node, module.layouts)
            assert window is not None
            make = _down if node.layer in module.plans else _conv
            layers[node.layer] = make(module, node, window)
    return module.replace(layers=layers)


def _conv(module: Module, node: Node, window: Window) -> ConvLayer:
    weights, scaling = _sums(module, node, window)
    form = best_form(module.config, weights, window)
    return ConvLayer(
        layer=node.layer,
        input=node.inputs[0],
        output=node.outputs[0],
        window=form.window,
        groups=form.groups,
        tap_step=form.tap_step,
        **scaling.of(form.channels(window.outputs)),
    )


def _down(module: Module, node: Node, window: Window) -> DepthwiseLayer:
    weights, scaling = _sums(module, node, window)
    plan = module.plans[node.layer]
    return DepthwiseLayer(
        layer=node.layer,
        input=node.inputs[0],
        output=node.outputs[0],
        window=window,
        plan=plan,
        groups=down_groups(walk_of(module.config, window, plan), weights[..., 0]),
        **scaling.of(np.arange(window.outputs)),
    )


@dataclass(frozen=True)
class _Scaling:
    """From sums of raw products to int8."""

    bias: np.ndarray
    multiplier: np.ndarray
    exponent: np.ndarray
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int

    def of(self, channels: np.ndarray) -> dict[str, Any]:
        """The fields of a layer whose outputs are these channels; −1 is one that does not matter."""
        arrays = {"bias": self.bias, "multiplier": self.multiplier, "exponent": self.exponent.astype(np.int8)}
        fields = {name: np.where(channels < 0, 0, array[channels]) for name, array in arrays.items()}
        fields["exponent"] = fields["exponent"].astype(np.int8)
        numbers = ("input_zero_point", "output_zero_point", "activation_min", "activation_max")
        return {**fields, **{name: getattr(self, name) for name in numbers}}


def _sums(module: Module, node: Node, window: Window) -> tuple[np.ndarray, _Scaling]:
    """The weights, and what becomes of the sums."""
    graph, op = module.graph, module.op(node.layer)
    assert node.window is not None
    source = module.layouts.get(node.inputs[0])
    if source is None or source.lines is None:
        weights = filter_of(graph, op, window)
    else:
        weights = interleaved_weights(filter_of(graph, op, node.window), source)
    if node.kind in ("AVERAGE_POOL_2D", "MEAN"):
        return weights, _of_average(module, node, window)
    if window.maximum:
        return weights, _of_maximum(module, node, window)
    p = conv_parameters(graph, op)
    total = weights.reshape(window.outputs, -1).astype(np.int64).sum(axis=1)
    bias = wrap_int32(p.bias.astype(np.int64) - p.input_zero_point * total)
    numbers = (p.input_zero_point, p.output_zero_point, p.activation_min, p.activation_max)
    return weights, _Scaling(bias, p.multiplier, p.exponent, *numbers)


def _of_average(module: Module, node: Node, window: Window) -> _Scaling:
    average = average_parameters(module.graph, module.op(node.layer), window)
    assert average is not None
    bias, multiplier, exponent = (
        np.full(window.outputs, v, np.int32) for v in (average.bias, average.multiplier, average.exponent)
    )
    numbers = (average.output_zero_point, average.activation_min, average.activation_max)
    return _Scaling(bias, multiplier, exponent, 0, *numbers)


def _of_maximum(module: Module, node: Node, window: Window) -> _Scaling:
    """The identity, clamped; outside the image is the least value, which is never the only largest."""
    p = pool_parameters(module.graph, module.op(node.layer))
    bias, multiplier, exponent = (np.full(window.outputs, v, np.int32) for v in (0, 1 << 30, 1))
    return _Scaling(bias, multiplier, exponent, INT8_MIN, 0, p.activation_min, p.activation_max)


def _add(module: Module, node: Node) -> AddLayer:
    p = add_parameters(module.graph, module.op(node.layer))
    return AddLayer(
        layer=node.layer,
        inputs=(node.inputs[0], node.inputs[1]),
        output=node.outputs[0],
        size=module.stored(node.outputs[0]),
        parameters={
            "multiplier_a": p.multiplier1,
            "multiplier_b": p.multiplier2,
            "multiplier_out": p.output_multiplier,
            "exponent_a": p.exponent1,
            "exponent_b": p.exponent2,
            "exponent_out": p.output_exponent,
            "zero_point_a": p.zero_point1,
            "zero_point_b": p.zero_point2,
            "zero_point_out": p.output_zero_point,
            "activation_min": p.activation_min,
            "activation_max": p.activation_max,
        },
    )
