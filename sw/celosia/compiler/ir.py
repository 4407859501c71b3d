# SPDX-License-Identifier: Apache-2.0
"""The compiler's intermediate representation: one :class:`Module` that each pass returns a fuller copy of.

A *value* is a tensor of the graph that has bytes of its own, named by its tensor index. Tensors that are
the same bytes under another shape (RESHAPE) share the value of their root: see :attr:`Module.roots`.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Engine, Opcode, Space
from celosia.model.graph import Graph, Op

from .layouts import Layout, Pitch
from .plan import Plan

__all__ = [
    "AddLayer", "ArrayLayer", "Axis", "Command", "ConvLayer", "DepthwiseLayer", "DownGroup", "Group", "Layer", "Module",
    "Node", "Piece", "Region", "Segment", "Step", "Tile", "Window",
]  # fmt: skip


_ENGINES = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.CONV: Engine.CONV,
    Opcode.DEPTHWISE: Engine.CONV,
    Opcode.ADD: Engine.ELEMENTWISE,
}


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One direction of a sliding window, in pixels: output ``o`` reads ``o·stride + k·dilation − before``."""

    size: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    out: int = 1


@dataclass(frozen=True, kw_only=True)
class Window:
    """The geometry of a convolution: ``batch`` images of ``y.size`` × ``x.size`` pixels of ``channels`` bytes
    become ``batch`` images of ``y.out`` × ``x.out`` pixels of ``outputs`` bytes.

    Parameters
    ----------
    depthwise:
        Output channel ``o`` is made from input channel ``o // (outputs // channels)`` alone.
    maximum:
        The largest pixel under the window instead of a sum; what is outside the image does not count.
    turned:
        Its ``y`` is the operator's width and its ``x`` the height, of images one pixel wide.
    source, target:
        Where pixels of input and output lie; None is one after the other.
    """

    batch: int
    channels: int
    outputs: int
    y: Axis
    x: Axis
    depthwise: bool = False
    maximum: bool = False
    turned: bool = False
    source: Pitch | None = None
    target: Pitch | None = None

    @property
    def read(self) -> Pitch:
        """Where the pixels of the input lie."""
        return self.source or Pitch.dense(self.y.size, self.x.size, self.channels)

    @property
    def written(self) -> Pitch:
        """Where the pixels of the output lie."""
        return self.target or Pitch.dense(self.y.out, self.x.out, self.outputs)

    @property
    def row_bytes(self) -> int:
        """Bytes from the first of one row of the image to the first that is no more in it."""
        return (self.x.size - 1) * self.read.pixel + self.channels


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator: number ``layer`` of the graph, with the values it reads and makes.

    ``inputs`` leaves out constants and absent inputs. ``window`` is set for what the array may run.
    ``place`` and ``why`` are set by the pass of that name.
    """

    layer: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    window: Window | None = None
    place: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Output channels of a convolution from ``first`` on, made from one run of bytes a tap.

    ``weights`` is int8, (channels, kernel rows, taps, run bytes); the run of a window starts ``offset`` bytes
    after the window's first byte.
    """

    first: int
    offset: int
    weights: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class DownGroup:
    """``channels`` channels of a depthwise layer from ``first`` on.

    ``tiles`` are the weight tiles of their DEPTHWISE command in its order, int8, (tiles, R, 2·D).
    """

    first: int
    channels: int
    tiles: np.ndarray


@dataclass(frozen=True, kw_only=True)
class ConvLayer:
    """A convolution as the array computes it: ``bias`` has the input zero point folded in.

    Parameters
    ----------
    tap_step:
        Bytes between the runs of two taps of one kernel row.
    bias, multiplier, exponent:
        int32, int32, int8; one for each output channel.
    """

    layer: int
    input: int
    output: int
    window: Window
    groups: tuple[Group, ...]
    tap_step: int
    bias: np.ndarray
    multiplier: np.ndarray
    exponent: np.ndarray
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True, kw_only=True)
class DepthwiseLayer:
    """A depthwise convolution or a pooling as DEPTHWISE computes it, by ``plan``; the rest as in
    :class:`ConvLayer`."""

    layer: int
    input: int
    output: int
    window: Window
    plan: Plan
    groups: tuple[DownGroup, ...]
    bias: np.ndarray
    multiplier: np.ndarray
    exponent: np.ndarray
    input_zero_point: int
    output_zero_point: int
    activation_min: int
    activation_max: int


@dataclass(frozen=True, kw_only=True)
class AddLayer:
    """An element-wise sum of ``size`` bytes; ``parameters`` are ADD's fields beyond addresses and lines."""

    layer: int
    inputs: tuple[int, int]
    output: int
    size: int
    parameters: dict[str, int]


ArrayLayer = ConvLayer | DepthwiseLayer
Layer = ConvLayer | DepthwiseLayer | AddLayer


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One CONV or DEPTHWISE command: a rectangle of output pixels of image ``batch``, for one group of channels."""

    batch: int
    group: int
    y: int
    x: int
    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One ADD command: some lines of its tensors."""

    line: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """Consecutive nodes of one kind of place: ``array`` (array and lanes) or host.

    ``uploads`` are the values an array step needs that the host has, ``downloads`` those it makes that
    the host needs.
    """

    array: bool
    layers: tuple[int, ...]
    uploads: tuple[int, ...] = ()
    downloads: tuple[int, ...] = ()


@dataclass(frozen=True)
class Region:
    """Bytes of a local memory, or of the external one (None): ``rows`` stretches of ``row_bytes``, ``pitch`` apart."""

    space: Space | None
    start: int
    row_bytes: int
    rows: int = 1
    pitch: int = 0


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command before it is bytes, with what it touches; ``waits`` are set by the schedule's last step."""

    opcode: Opcode
    layer: int
    fields: dict[str, int]
    reads: tuple[Region, ...] = ()
    writes: tuple[Region, ...] = ()
    waits: dict[Engine, int] = field(default_factory=dict)

    @property
    def engine(self) -> Engine | None:
        """The engine that runs the command; None for END and SYNC."""
        return _ENGINES.get(self.opcode)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The commands of one start of the machine, up to and including END; ``step`` is None for the setup."""

    step: int | None
    commands: tuple[Command, ...]


@dataclass(frozen=True, kw_only=True)
class Module:
    """A network on its way to a program. Fields are filled from the top; each names the pass that fills it.

    Parameters
    ----------
    memory:
        "local" or "external": where inputs, outputs and the images of the memories are.
    roots:
        legalize: per tensor of the graph, the tensor whose bytes it is.
    nodes:
        legalize, place, fit: what is left to do, in order.
    free:
        legalize, fit: operators that cost nothing, by index, and why.
    refused:
        Operators that may not use DEPTHWISE: there was no room for the padding of their images.
    layouts:
        layout: of every value whose pixels do not lie one after the other, where they lie.
    plans:
        layout: by operator index, how DEPTHWISE computes it.
    layers:
        lower: by operator index, what the array and the lanes run.
    tiles:
        tile: the commands of each layer.
    steps:
        segment: nodes by where they run, in order.
    addresses:
        allocate: byte address in the activation memory of every value that is ever there.
    weight_words, records:
        allocate: of every (layer, group), its first weight word and its first parameter record.
    external:
        allocate: external offset of every value and of the two images "weights" and "parameters".
    segments:
        schedule: every command.
    """

    graph: Graph
    config: Config
    memory: str = "local"
    roots: tuple[int, ...] = ()
    nodes: tuple[Node, ...] = ()
    free: dict[int, str] = field(default_factory=dict)
    refused: frozenset[int] = frozenset()
    layouts: dict[int, Layout] = field(default_factory=dict)
    plans: dict[int, Plan] = field(default_factory=dict)
    layers: dict[int, Layer] = field(default_factory=dict)
    tiles: dict[int, tuple[Tile | Piece, ...]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    addresses: dict[int, int] = field(default_factory=dict)
    weight_words: dict[tuple[int, int], int] = field(default_factory=dict)
    records: dict[tuple[int, int], int] = field(default_factory=dict)
    external: dict[int | str, int] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()

    def replace(self, **changes: Any) -> "Module":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def op(self, layer: int) -> Op:
        """Operator number ``layer``."""
        return self.graph.ops[layer]

    def size(self, value: int) -> int:
        """Bytes of a value, which is int8."""
        return self.graph.tensors[value].size

    def stored(self, value: int) -> int:
        """Bytes of a value where it lies, gaps included."""
        return self.layouts[value].bytes if value in self.layouts else self.size(value)

    def lines(self, value: int) -> int:
        """Activation lines a value takes."""
        return -(-self.stored(value) // self.config.line_bytes)

    def outputs(self) -> frozenset[int]:
        """The values that are outputs of the network."""
        return frozenset(self.roots[tensor] for tensor in self.graph.outputs)
