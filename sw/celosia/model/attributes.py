# SPDX-License-Identifier: Apache-2.0
"""What an operator carries besides its tensors: one frozen record for each kind, with TFLite's names."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ACTIVATIONS",
    "PADDINGS",
    "Add",
    "Attributes",
    "Concatenation",
    "Conv2D",
    "DepthwiseConv2D",
    "FullyConnected",
    "LeakyRelu",
    "Mean",
    "Mul",
    "NoAttributes",
    "Other",
    "Pool2D",
    "Reshape",
    "Resize",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "Softmax",
    "Split",
    "StridedSlice",
    "Sub",
]

ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")
"""Fused activations an operator may end with (TFLite's ActivationFunctionType 0 to 3)."""

PADDINGS = ("SAME", "VALID")
"""Kinds of padding (TFLite's Padding 0 and 1)."""


def _check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}, not {value!r}")


def _check_positive(**values: object) -> None:
    for name, value in values.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, not {value!r}")


@dataclass(frozen=True)
class Attributes:
    """Base of every operator's attributes."""


@dataclass(frozen=True)
class NoAttributes(Attributes):
    """HARD_SWISH, LOGISTIC, MAXIMUM, MINIMUM, PAD, PADV2, PRELU, QUANTIZE, RELU, RELU6, TANH, TRANSPOSE: everything
    is in the tensors.
    """


@dataclass(frozen=True, kw_only=True)
class Conv2D(Attributes):
    """CONV_2D. Strides and dilations count pixels.

    Raises
    ------
    ValueError
        A stride or a dilation is not a positive integer, or padding or activation is not a known name.
    """

    stride_h: int = 1
    stride_w: int = 1
    dilation_h: int = 1
    dilation_w: int = 1
    padding: str = "VALID"
    activation: str = "NONE"

    def __post_init__(self) -> None:
        _check_positive(stride_h=self.stride_h, stride_w=self.stride_w)
        _check_positive(dilation_h=self.dilation_h, dilation_w=self.dilation_w)
        _check_choice("padding", self.padding, PADDINGS)
        _check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class DepthwiseConv2D(Conv2D):
    """DEPTHWISE_CONV_2D: as `Conv2D`, each input channel making `depth_multiplier` output channels."""

    depth_multiplier: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_positive(depth_multiplier=self.depth_multiplier)


@dataclass(frozen=True, kw_only=True)
class FullyConnected(Attributes):
    """FULLY_CONNECTED. `keep_num_dims`: the output keeps the input's leading dimensions."""

    activation: str = "NONE"
    keep_num_dims: bool = False

    def __post_init__(self) -> None:
        _check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class Add(Attributes):
    """ADD, element by element with broadcasting."""

    activation: str = "NONE"

    def __post_init__(self) -> None:
        _check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class Sub(Add):
    """SUB: the first input minus the second."""


@dataclass(frozen=True, kw_only=True)
class Mul(Add):
    """MUL, element by element with broadcasting."""


@dataclass(frozen=True, kw_only=True)
class Pool2D(Attributes):
    """AVERAGE_POOL_2D and MAX_POOL_2D. Sizes and strides count pixels."""

    filter_h: int
    filter_w: int
    stride_h: int = 1
    stride_w: int = 1
    padding: str = "VALID"
    activation: str = "NONE"

    def __post_init__(self) -> None:
        _check_positive(filter_h=self.filter_h, filter_w=self.filter_w)
        _check_positive(stride_h=self.stride_h, stride_w=self.stride_w)
        _check_choice("padding", self.padding, PADDINGS)
        _check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class Reshape(Attributes):
    """RESHAPE. `new_shape` is what the file says (with one −1, or empty); the output tensor's shape rules."""

    new_shape: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Softmax(Attributes):
    """SOFTMAX over the last dimension of exp(beta·x)."""

    beta: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Concatenation(Attributes):
    """CONCATENATION along `axis` (negative counts from the last dimension)."""

    axis: int = 0
    activation: str = "NONE"

    def __post_init__(self) -> None:
        _check_choice("activation", self.activation, ACTIVATIONS)


@dataclass(frozen=True, kw_only=True)
class Mean(Attributes):
    """MEAN over the axes in the second input. `keep_dims`: reduced dimensions stay, with size 1."""

    keep_dims: bool = False


@dataclass(frozen=True, kw_only=True)
class LeakyRelu(Attributes):
    """LEAKY_RELU: alpha·x where x is negative."""

    alpha: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Resize(Attributes):
    """Which pixels of an image and of its resized copy lie on each other.

    Parameters
    ----------
    align_corners
        The centres of the corner pixels do. Without it, the corners of the images do.
    half_pixel_centers
        A pixel's coordinate is that of its centre, not of its corner.
    """

    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, kw_only=True)
class ResizeBilinear(Resize):
    """RESIZE_BILINEAR to the height and width in the second input.

    Raises
    ------
    ValueError
        Corners cannot be aligned with coordinates of pixel centres.
    """

    def __post_init__(self) -> None:
        if self.align_corners and self.half_pixel_centers:
            raise ValueError("align_corners and half_pixel_centers must not both be set")


@dataclass(frozen=True, kw_only=True)
class ResizeNearestNeighbor(Resize):
    """RESIZE_NEAREST_NEIGHBOR to the height and width in the second input."""


@dataclass(frozen=True, kw_only=True)
class Split(Attributes):
    """SPLIT of the second input into `num_splits` equal parts, along the axis in the first input."""

    num_splits: int

    def __post_init__(self) -> None:
        _check_positive(num_splits=self.num_splits)


@dataclass(frozen=True, kw_only=True)
class StridedSlice(Attributes):
    """STRIDED_SLICE: begin, end and stride of each dimension are the inputs 2 to 4.

    Bit i of a mask is for dimension i.

    Parameters
    ----------
    begin_mask, end_mask
        The slice starts, or ends, where the dimension does.
    shrink_axis_mask
        One index is taken, and the dimension goes.
    """

    begin_mask: int = 0
    end_mask: int = 0
    shrink_axis_mask: int = 0


@dataclass(frozen=True)
class Other(Attributes):
    """Any operator without a record of its own: it loads and can be named, even if nothing runs it."""

    options: dict[str, Any] = field(default_factory=dict)
