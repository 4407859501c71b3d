# SPDX-License-Identifier: Apache-2.0
"""Workloads as SCALE-Sim reads them: a topology, a line of a CSV file for each layer.

As SCALE-Sim 3.0.0 (``scalesim/topology_utils.py``) reads it: the first line is a header; a line is cut at its commas
and its last field, behind the last comma, is a remark. A convolution has eight fields; there is one stride, no
dilation, no batch, and no padding: the input has the padding in it, and there are ceil((input − filter + stride) /
stride) outputs. A layer whose name holds ``DP`` is depthwise: it is repeated for every channel, with its number of
filters for each. A fully connected layer is a 1x1 filter on a 1x1 image. In a file of matrix products a line is name,
M, N, K.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from celosia.model import Graph, Op

from .errors import ExchangeError
from .workload import Layer, Span, chained, plain

__all__ = ["HEADER", "Product", "products", "read", "render", "write"]

HEADER = "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,"
_COLUMNS = [column.strip() for column in HEADER.split(",")][1:-1]
_PRODUCT_COLUMNS = ["M", "N", "K"]
_DEPTHWISE = "DP"


# --- a file of convolutions ---


def write(layers: Iterable[Layer]) -> str:
    """The layers that multiply, as the text of a topology.

    Raises
    ------
    ExchangeError
        One has what SCALE-Sim has no field for; the message says what.
    """
    return "\n".join([HEADER, *(_line(layer) for layer in layers if layer.multiplies), ""])


def _line(layer: Layer) -> str:
    strides = {span.stride for span in (layer.y, layer.x) if span.out > 1} or {layer.y.stride}
    problem = ""
    if len(strides) > 1:
        problem = f"strides {layer.y.stride} and {layer.x.stride}, and SCALE-Sim's topology has one for both directions"
    elif max(layer.y.dilation, layer.x.dilation) > 1:
        problem = "dilation, and SCALE-Sim's topology has none"
    elif layer.batch > 1 and layer.kind != "dense":
        problem = f"a batch of {layer.batch}, and SCALE-Sim's topology has none"
    if problem:
        raise ExchangeError(f"layer {layer.name} has {problem}: export it as timeloop or zigzag")
    height = layer.batch if layer.kind == "dense" else layer.y.covered
    depthwise = layer.kind == "depthwise"
    filters = layer.filters // layer.channels if depthwise else layer.filters
    numbers = (height, layer.x.covered, layer.y.kernel, layer.x.kernel, layer.channels, filters, min(strides))
    return ", ".join(map(str, (_name(layer.name, depthwise), *numbers))) + ","


def _name(name: str, depthwise: bool) -> str:
    """A name that holds DP if, and only if, the layer is depthwise."""
    if not depthwise:
        return name.replace(_DEPTHWISE, _DEPTHWISE.capitalize())
    return name if _DEPTHWISE in name else f"{_DEPTHWISE}_{name}"


def read(path: Path) -> list[Layer]:
    """The layers of a topology; one that fits the output of the line before reads it.

    Raises
    ------
    ExchangeError
        A line is no layer; the message names it.
    OSError
        The file cannot be read.
    """
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = [(index, row) for index, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise ExchangeError(f"{path}: no layers: a header line and a line for each layer are needed")
    if all(re.fullmatch(r"\s*[0-9]+\s*", cell) for cell in rows[0][1][1:-1] or [""]):
        raise ExchangeError(
            f"{path}, line {rows[0][0]}: a layer where SCALE-Sim skips the header: put {HEADER!r} first"
        )
    columns = _COLUMNS if len(rows[1][1]) > len(_COLUMNS) else _PRODUCT_COLUMNS
    return chained([_layer(f"{path}, line {index}", row, columns) for index, row in rows[1:]])


def _layer(where: str, row: Sequence[str], columns: Sequence[str]) -> Layer:
    cells = [cell.strip() for cell in row]
    if len(cells) <= len(columns):
        raise ExchangeError(f"{where}: {len(cells)} fields, and a layer has a name, {', '.join(columns)}")
    values: list[int] = []
    for column, cell in zip(columns, cells[1:], strict=False):
        if not re.fullmatch(r"[0-9]+", cell) or int(cell) < 1:
            raise ExchangeError(f"{where}: {column} must be a positive whole number, not {cell!r}")
        values.append(int(cell))
    name = plain(cells[0])
    _no_more(where, cells[1 + len(columns) :], columns)
    if columns is _PRODUCT_COLUMNS:
        m, n, k = values
        return Layer(name=name, kind="dense", batch=m, channels=k, filters=n)
    height, width, tall, wide, channels, filters, stride = values
    if tall > height or wide > width:
        raise ExchangeError(
            f"{where}: a filter of {tall}x{wide} is larger than the input of {height}x{width}, which has the padding "
            f"in it"
        )
    depthwise = _DEPTHWISE in cells[0] and channels > 1
    return Layer(
        name=name, kind="depthwise" if depthwise else "conv", channels=channels,
        filters=channels * filters if depthwise else filters,
        y=Span(-(-(height - tall + stride) // stride), tall, stride),
        x=Span(-(-(width - wide + stride) // stride), wide, stride),
    )  # fmt: skip


def _no_more(where: str, rest: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse what fields behind the known ones ask for: sparsity, or, in later versions, a batch of products."""
    for cell in rest[:1]:
        ratio = re.fullmatch(r"([0-9]+):([0-9]+)", cell)
        if ratio and ratio[1] != ratio[2]:
            raise ExchangeError(f"{where}: sparsity {cell}, and Celosia computes every product: make it 1:1")
        if columns is _PRODUCT_COLUMNS and re.fullmatch(r"[0-9]+", cell) and int(cell) > 1:
            raise ExchangeError(f"{where}: a batch of {cell} products: write a line for each")


# --- matrix products ---


@dataclass(frozen=True)
class Product:
    """(m × k) times (k × n), `repeats` times: m output pixels, n filters, k products a sum.

    A depthwise convolution is one product for each input channel, because a weight-stationary array without a dataflow
    for it works on one channel after the other. `op` is the operator's kind.
    """

    name: str
    op: str
    m: int
    n: int
    k: int
    repeats: int = 1

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all repetitions."""
        return self.m * self.n * self.k * self.repeats


def products(graph: Graph) -> list[Product]:
    """The operators of a network that multiply by weights, in order; the others have no place in a topology."""
    return [_product(graph, op, f"{index}_{plain(op.name)}") for index, op in enumerate(graph.ops) if graph.macs(op)]


def _product(graph: Graph, op: Op, name: str) -> Product:
    weights, data = graph.input(op, 1), graph.input(op, 0)
    assert weights is not None
    assert data is not None
    outputs = graph.output(op).size
    if op.kind == "DEPTHWISE_CONV_2D":
        channels = data.shape[-1]
        n = weights.shape[-1] // channels
        return Product(name, op.kind, outputs // weights.shape[-1], n, prod(weights.shape[1:3]), channels)
    return Product(name, op.kind, outputs // weights.shape[0], weights.shape[0], prod(weights.shape[1:]))


def render(layers: Iterable[Product]) -> str:
    """Products as the text of a file for SCALE-Sim's GEMM input: a header, then name, M, N, K of each product once.

    Repetitions are left to the reader of SCALE-Sim's report: their cycles are those of one, times `Product.repeats`.
    """
    lines = [f"{layer.name}, {layer.m}, {layer.n}, {layer.k}," for layer in layers]
    return "\n".join(["Layer, M, N, K,", *lines, ""])
