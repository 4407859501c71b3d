# SPDX-License-Identifier: Apache-2.0
"""A network's layers as SCALE-Sim reads them: matrix products, one a line of a CSV file."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from celosia.model import Graph, Op

__all__ = ["Product", "products", "render"]


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
    return [_product(graph, op, f"{index}_{_plain(op.name)}") for index, op in enumerate(graph.ops) if graph.macs(op)]


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


def _plain(name: str) -> str:
    """A name without what separates fields, short."""
    return re.sub(r"\W+", "_", name)[:40].strip("_")


def render(layers: Iterable[Product]) -> str:
    """The topology as a file's text, for SCALE-Sim's GEMM input: a header, then name, M, N, K of each product once.

    Repetitions are left to the reader of SCALE-Sim's report: their cycles are those of one, times `Product.repeats`.
    """
    lines = [f"{layer.name}, {layer.m}, {layer.n}, {layer.k}," for layer in layers]
    return "\n".join(["Layer, M, N, K,", *lines, ""])
