# SPDX-License-Identifier: Apache-2.0
"""Random workloads, and a network with every kind of layer."""

import numpy as np
from hypothesis import strategies as st

from celosia.exchange import Layer, Span
from celosia.exchange.workload import chained
from celosia.fuzz.builder import Builder
from celosia.model import Graph

__all__ = ["every_kind", "layers", "spans", "wide", "workloads"]


def every_kind() -> Graph:
    """A network with every kind of layer, padding, strides, a residual, and an operator that no format knows."""
    b = Builder(np.random.default_rng(3))
    x = b.conv(b.pad(b.input(1, 15, 16, 3), 1, 0, 0, 1), 16, (3, 3), stride_h=2, stride_w=2)
    y = b.conv(x, 16, (3, 3), padding="SAME")
    z = b.depthwise(b.add(x, y), padding="SAME", stride_h=2, stride_w=2)
    pooled = b.average(b.softmax(b.maximum(b.conv(z, 24), (2, 2), (1, 1))), (3, 3), (1, 1))
    return b.output(b.dense(b.reshape(pooled, 1, 24), 10))


def wide(channels: int = 32, filters: int = 64, size: int = 12) -> Graph:
    """A network whose layers have several strips, and several parts of weights, on a core of few KiB."""
    b = Builder(np.random.default_rng(1))
    x = b.conv(b.input(1, size, size, channels), filters, (3, 3), padding="SAME")
    return b.output(b.conv(b.depthwise(x, padding="SAME"), 48))


@st.composite
def spans(draw, dilated: bool = True, stride: int = 0) -> Span:
    """One direction of a window; `stride`, if it is given."""
    kernel = draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 2)) if dilated else 1
    bare = Span(draw(st.integers(1, 9)), kernel, stride or draw(st.integers(1, 3)), dilation)
    most = min(bare.extent - 1, bare.covered - 1)
    before = draw(st.integers(0, most // 2))
    return Span(bare.out, kernel, bare.stride, dilation, before, draw(st.integers(0, most - most // 2)))


@st.composite
def layers(draw, number: int, simple: bool) -> Layer:
    """A layer that multiplies; a simple one is what SCALE-Sim has fields for."""
    kind = draw(st.sampled_from(["conv", "depthwise", "dense"]))
    name = f"{draw(st.sampled_from(['conv', 'DP_x', 'fc_1', 'ADPX']))}_{number}"
    channels, filters = draw(st.integers(2 if kind == "depthwise" else 1, 40)), draw(st.integers(1, 40))
    if kind == "dense":
        return Layer(name=name, kind=kind, batch=draw(st.integers(1, 3)), channels=channels, filters=filters)
    if kind == "depthwise":
        filters = channels * draw(st.integers(1, 2))
    stride = draw(st.integers(1, 3)) if simple else 0
    y, x = draw(spans(not simple, stride)), draw(spans(not simple, stride))
    batch = 1 if simple else draw(st.integers(1, 2))
    return Layer(name=name, kind=kind, batch=batch, channels=channels, filters=filters, y=y, x=x)


@st.composite
def workloads(draw, simple: bool = False) -> list[Layer]:
    """Layers of which some read the one before."""
    count = draw(st.integers(1, 4))
    return chained([draw(layers(number, simple)) for number in range(count)])
