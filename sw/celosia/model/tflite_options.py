# SPDX-License-Identifier: Apache-2.0
"""How the attributes of each operator lie in a .tflite file: one table, used by the reader and the writer."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tflite

from .attributes import (
    ACTIVATIONS,
    PADDINGS,
    Add,
    Attributes,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Mean,
    Mul,
    NoAttributes,
    Other,
    Pool2D,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Softmax,
    Split,
    StridedSlice,
    Sub,
)

__all__ = ["OPTIONS", "Options", "option_type_name", "read_attributes"]

_CHOICES = {"padding": PADDINGS, "activation": ACTIVATIONS}
_ACTIVATION = {"activation": "FusedActivationFunction"}
_STRIDES = {"stride_h": "StrideH", "stride_w": "StrideW"}
_WINDOW = {**_STRIDES, "padding": "Padding", **_ACTIVATION}
_CONV = {**_WINDOW, "dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
_POOL = {**_WINDOW, "filter_h": "FilterHeight", "filter_w": "FilterWidth"}
_RESIZE = {"align_corners": "AlignCorners", "half_pixel_centers": "HalfPixelCenters"}
_SLICE = {"begin_mask": "BeginMask", "end_mask": "EndMask", "shrink_axis_mask": "ShrinkAxisMask"}


@dataclass(frozen=True)
class Options:
    """Where one operator's attributes are kept.

    Parameters
    ----------
    record
        The class of `Op.attributes`.
    table
        The schema's table, a member of its union BuiltinOptions.
    version
        The operator version that int8 tensors with per-channel weights need.
    fields
        Attribute name to the schema's field name.
    zero
        The schema's fields that the record has no place for: an operator that sets one is read as `Other`.
    """

    record: type[Attributes]
    table: str
    version: int
    fields: dict[str, str] = field(default_factory=dict)
    zero: tuple[str, ...] = ()

    def stored(self, attributes: Attributes) -> dict[str, Any]:
        """The schema's field names and the values to store in them; names become enumeration numbers."""
        values = {}
        for name, schema_name in self.fields.items():
            value = getattr(attributes, name)
            values[schema_name] = _CHOICES[name].index(value) if name in _CHOICES else value
        return values


OPTIONS: dict[str, Options] = {
    "ADD": Options(Add, "AddOptions", 2, _ACTIVATION),
    "AVERAGE_POOL_2D": Options(Pool2D, "Pool2DOptions", 2, _POOL),
    "CONCATENATION": Options(Concatenation, "ConcatenationOptions", 2, {"axis": "Axis", **_ACTIVATION}),
    "CONV_2D": Options(Conv2D, "Conv2DOptions", 3, _CONV),
    "DEPTHWISE_CONV_2D": Options(
        DepthwiseConv2D, "DepthwiseConv2DOptions", 3, {**_CONV, "depth_multiplier": "DepthMultiplier"}
    ),
    "FULLY_CONNECTED": Options(
        FullyConnected, "FullyConnectedOptions", 4, {**_ACTIVATION, "keep_num_dims": "KeepNumDims"}
    ),
    "HARD_SWISH": Options(NoAttributes, "HardSwishOptions", 1),
    "LEAKY_RELU": Options(LeakyRelu, "LeakyReluOptions", 2, {"alpha": "Alpha"}),
    "LOGISTIC": Options(NoAttributes, "NONE", 2),
    "MAXIMUM": Options(NoAttributes, "MaximumMinimumOptions", 2),
    "MAX_POOL_2D": Options(Pool2D, "Pool2DOptions", 2, _POOL),
    "MEAN": Options(Mean, "ReducerOptions", 2, {"keep_dims": "KeepDims"}),
    "MINIMUM": Options(NoAttributes, "MaximumMinimumOptions", 2),
    "MUL": Options(Mul, "MulOptions", 2, _ACTIVATION),
    "PAD": Options(NoAttributes, "PadOptions", 2),
    "PADV2": Options(NoAttributes, "PadV2Options", 2),
    "PRELU": Options(NoAttributes, "NONE", 1),
    "QUANTIZE": Options(NoAttributes, "QuantizeOptions", 2),
    "RELU": Options(NoAttributes, "NONE", 2),
    "RELU6": Options(NoAttributes, "NONE", 2),
    "RESHAPE": Options(Reshape, "ReshapeOptions", 1, {"new_shape": "NewShape"}),
    "RESIZE_BILINEAR": Options(ResizeBilinear, "ResizeBilinearOptions", 3, _RESIZE),
    "RESIZE_NEAREST_NEIGHBOR": Options(ResizeNearestNeighbor, "ResizeNearestNeighborOptions", 3, _RESIZE),
    "SOFTMAX": Options(Softmax, "SoftmaxOptions", 2, {"beta": "Beta"}),
    "SPLIT": Options(Split, "SplitOptions", 2, {"num_splits": "NumSplits"}),
    "STRIDED_SLICE": Options(
        StridedSlice, "StridedSliceOptions", 2, _SLICE, zero=("EllipsisMask", "NewAxisMask", "Offset")
    ),
    "SUB": Options(Sub, "SubOptions", 2, _ACTIVATION),
    "TANH": Options(NoAttributes, "NONE", 2),
    "TRANSPOSE": Options(NoAttributes, "TransposeOptions", 2),
}
"""Kinds with a record of their own. Every other kind is read as `Other`."""

_TYPE_NAMES = {v: n for n, v in vars(tflite.BuiltinOptions).items() if isinstance(v, int)}
_MAX_VECTOR = 4096


def option_type_name(number: int) -> str:
    """The schema's name of a member of BuiltinOptions; "NONE" where the number is unknown."""
    return _TYPE_NAMES.get(number, "NONE")


def read_attributes(kind: str, type_name: str, table: Any) -> Attributes:
    """The attributes of one operator.

    Parameters
    ----------
    kind
        TFLite's operator name.
    type_name
        The name of the options table that the file holds; "NONE" when there is none.
    table
        A flatbuffers Table at the options, or None.

    Returns
    -------
    Attributes
        `Other` for kinds without a record, and for fused activations and other options that no record can express.

    Raises
    ------
    ValueError
        The options hold values that make no sense, or belong to a different operator.
    """
    options = OPTIONS.get(kind)
    if options is None or (table is not None and type_name != options.table and options.fields):
        if options is not None:
            raise ValueError(f"carries {type_name} instead of {options.table}")
        return Other(_read_any(type_name, table))
    if table is None or not options.fields:
        return options.record()
    reader = _accessor(options.table, table)
    if any(_read_field(reader, name) for name in options.zero):
        return Other(_read_any(type_name, table))
    values: dict[str, Any] = {}
    for name, schema_name in options.fields.items():
        value = _read_field(reader, schema_name)
        if name in _CHOICES:
            choices = _CHOICES[name]
            if name == "activation" and value >= len(choices):
                return Other(_read_any(type_name, table))
            value = choices[value] if 0 <= value < len(choices) else value
        values[name] = value
    return options.record(**values)


def _accessor(type_name: str, table: Any) -> Any:
    """The schema's generated accessor, placed on a flatbuffers Table."""
    accessor = getattr(tflite, type_name)()
    accessor.Init(table.Bytes, table.Pos)
    return accessor


def _read_field(reader: Any, name: str) -> Any:
    """One field: a number, text, or a tuple of numbers."""
    if hasattr(reader, f"{name}AsNumpy"):
        if getattr(reader, f"{name}Length")() > _MAX_VECTOR:
            raise ValueError(f"holds an option {name} of more than {_MAX_VECTOR} values")
        return (
            tuple(np.atleast_1d(getattr(reader, f"{name}AsNumpy")()).tolist())
            if (getattr(reader, f"{name}Length")())
            else ()
        )
    value = getattr(reader, name)()
    return value[:_MAX_VECTOR].decode("utf-8", "replace") if isinstance(value, bytes) else value


def _read_any(type_name: str, table: Any) -> dict[str, Any]:
    """Every field of a table that this module knows nothing about, by the schema's names."""
    if table is None or type_name == "NONE":
        return {}
    reader = _accessor(type_name, table)
    methods = [n for n in vars(type(reader)) if not n.startswith("_") and n != "Init"]
    skipped = ("GetRootAs", "BufferHasIdentifier", "AsNumpy", "Length", "IsNone")
    names = [n for n in methods if not any(s in n for s in skipped)]
    values = {}
    for name in names:
        if hasattr(reader, f"{name}Length") and not hasattr(reader, f"{name}AsNumpy"):
            continue  # a vector of tables or of text: not needed to name an operator
        value = _read_field(reader, name)
        if isinstance(value, (bool, int, float, str, tuple)):
            values[name] = value
    return values
