# SPDX-License-Identifier: Apache-2.0
"""Pass 4, lower: array and lane nodes as integers, in the form their commands compute.

Zero points. The array multiplies raw bytes, and reads the input's zero point outside the image, so
``Σ (x − z)·w + bias = Σ x·w + (bias − z·Σw)``: the bracket is the bias of the parameter record, modulo 2³².
"""

import numpy as np

from celosia.golden.add import parameters as add_parameters
from celosia.golden.conv import parameters as conv_parameters
from celosia.golden.quantize import wrap_int32

from ..forms import best_form, in_parts
from ..ir import AddLayer, ConvLayer, Group, Layer, Module, Node, Window

__all__ = ["lower"]


def lower(module: Module) -> Module:
    """The module with a layer for every node on the array and the lanes."""
    layers: dict[int, Layer] = {}
    for node in module.nodes:
        if node.place == "array":
            layers[node.layer] = _conv(module, node)
        elif node.place == "lanes":
            layers[node.layer] = _add(module, node)
    return module.replace(layers=layers)


def _conv(module: Module, node: Node) -> ConvLayer:
    graph, op = module.graph, module.op(node.layer)
    p, window = conv_parameters(graph, op), node.window
    assert window is not None
    weights = _filter(module, node, window)
    total = weights.reshape(window.outputs, -1).astype(np.int64).sum(axis=1)
    bias = wrap_int32(p.bias.astype(np.int64) - p.input_zero_point * total)
    form = best_form(module.config, weights, window)
    return ConvLayer(
        layer=node.layer,
        input=node.inputs[0],
        output=node.outputs[0],
        window=form.window,
        groups=_parts(module, form.groups),
        tap_step=window.x.dilation * window.channels,
        bias=np.tile(bias, form.unroll),
        multiplier=np.tile(p.multiplier, form.unroll),
        exponent=np.tile(p.exponent.astype(np.int8), form.unroll),
        input_zero_point=p.input_zero_point,
        output_zero_point=p.output_zero_point,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
    )


def _parts(module: Module, groups: tuple[Group, ...]) -> tuple[Group, ...]:
    """``groups``; where weights are streamed, in parts so small that one can be loaded while another is used."""
    if not module.streamed:
        return groups
    half = module.config.weight_words // 2
    return tuple(part for group in groups for part in in_parts(module.config, group, half))


def _filter(module: Module, node: Node, window: Window) -> np.ndarray:
    """The weights as (output channels, kernel rows, kernel columns, input channels that count)."""
    weights = module.graph.constant(module.op(node.layer), 1)
    assert weights is not None
    if node.kind == "DEPTHWISE_CONV_2D":
        weights = np.moveaxis(weights, 3, 0)
    return weights.reshape(window.outputs, window.y.kernel, window.x.kernel, -1)


def _add(module: Module, node: Node) -> AddLayer:
    p = add_parameters(module.graph, module.op(node.layer))
    return AddLayer(
        layer=node.layer,
        inputs=(node.inputs[0], node.inputs[1]),
        output=node.outputs[0],
        size=module.size(node.outputs[0]),
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
