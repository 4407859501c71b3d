# SPDX-License-Identifier: Apache-2.0
"""Tilings as a picture: cycles and bytes of every strategy, the roofline, and the best one's timeline."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from celosia.arch.isa import Engine, Opcode
from celosia.model.graph import Graph

from .plot import COLORS, FAINT, INK, OTHER, check_plot
from .tiling import Bounds, Span, TilingFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_tilings"]

KINDS = {
    "weights": "#0072b2",
    "parameters": "#56b4e9",
    "inputs": "#009e73",
    "outputs": "#f0e442",
    "spilled": "#e69f00",
    "reloaded": "#d55e00",
    "commands": "#999999",
}
"""Kinds of external bytes, Okabe and Ito's colours."""

LANES = {
    Opcode.LOAD: (3, "#009e73"),
    Opcode.CONV: (2, "#0072b2"),
    Opcode.DEPTHWISE: (2, "#d55e00"),
    Opcode.ADD: (1, "#cc79a7"),
    Opcode.STORE: (0, "#e69f00"),
}
"""Where commands are on the timeline, and their colours."""


def plot_tilings(
    name: str,
    graph: Graph,
    rows: Sequence[TilingFigures],
    bound: Bounds,
    best: tuple[TilingFigures, Sequence[Span]],
    peak: int,
    bandwidth: float,
    path: Path,
) -> None:
    """Draw a comparison.

    Parameters
    ----------
    best:
        The strategy whose roofline and timeline are drawn.
    peak, bandwidth:
        MACs and external bytes a cycle at most.

    Raises
    ------
    BenchError
        See :func:`.plot.check_plot`.
    OSError
        The file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13.0, 3.4 + 0.35 * len(rows) + 5.6), layout="constrained")
    parts = figure.subfigures(3, 1, squeeze=False, height_ratios=(1.6 + 0.35 * len(rows), 4.0, 2.6))
    upper, middle, lower = parts[:, 0]
    left, right = upper.subplots(1, 2)
    _cycles(left, rows, bound)
    _bytes(right, rows, bound)
    _roofline(middle.subplots(1, 1), graph, best[0], peak, bandwidth)
    _timeline(lower.subplots(1, 1), best[0], best[1])
    figure.suptitle(f"{name}: {best[0].strategy} {best[0].predicted:,} cycles, {best[0].bytes:,} external bytes")
    figure.savefig(path, dpi=160)


def _cycles(axes: "Axes", rows: Sequence[TilingFigures], bound: Bounds) -> None:
    places = range(len(rows))
    axes.barh(places, [row.predicted for row in rows], color="#0072b2", height=0.7, label="predicted")
    ran = [(place, row.cycles) for place, row in enumerate(rows) if row.cycles is not None]
    axes.scatter([c for _, c in ran], [p for p, _ in ran], marker="|", s=200, color=INK, label="counted", zorder=3)
    axes.axvline(bound.cycles, color="#d55e00", linewidth=1.2, label="bound")
    axes.set_yticks(places, [row.strategy for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("cycles")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, fontsize=8)
    _finish(axes)


def _bytes(axes: "Axes", rows: Sequence[TilingFigures], bound: Bounds) -> None:
    left = [0] * len(rows)
    for kind, color in KINDS.items():
        sizes = [row.traffic.get(kind, 0) for row in rows]
        axes.barh(range(len(rows)), sizes, left=left, color=color, height=0.7, label=kind)
        left = [a + b for a, b in zip(left, sizes, strict=True)]
    axes.axvline(bound.traffic, color=INK, linewidth=1.2, label="compulsory")
    axes.set_yticks([])
    axes.invert_yaxis()
    axes.set_xlabel("external bytes")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, fontsize=8, ncols=2)
    _finish(axes)


def _roofline(axes: "Axes", graph: Graph, row: TilingFigures, peak: int, bandwidth: float) -> None:
    """Each layer a dot: MACs an external byte, MACs a cycle of its share of the array's time."""
    dots = [
        (graph.macs(op) / row.layer_bytes[i], graph.macs(op) / row.layer_cycles[i], op.kind, row.layer_cycles[i])
        for i, op in enumerate(graph.ops)
        if graph.macs(op) and row.layer_bytes.get(i) and row.layer_cycles.get(i)
    ]
    most = max(row.layer_cycles.values(), default=1)
    for kind in dict.fromkeys(kind for *_, kind, _ in dots):
        some = [dot for dot in dots if dot[2] == kind]
        sizes = [20 + 200 * dot[3] / most for dot in some]
        axes.scatter(
            [dot[0] for dot in some], [dot[1] for dot in some], s=sizes, color=COLORS.get(kind, OTHER), alpha=0.7,
            label=kind, linewidth=0,
        )  # fmt: skip
    ridge = peak / bandwidth
    low = min((dot[0] for dot in dots), default=ridge) / 2
    high = max((dot[0] for dot in dots), default=ridge) * 2
    axes.plot([low, ridge, max(high, ridge)], [low * bandwidth, peak, peak], color=INK, linewidth=1.2)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlabel("MACs an external byte")
    axes.set_ylabel("MACs a cycle")
    axes.legend(frameon=False, fontsize=8)
    _finish(axes)


def _timeline(axes: "Axes", row: TilingFigures, spans: Sequence[Span]) -> None:
    for opcode, (lane, color) in LANES.items():
        bars = [(span.start, span.finish - span.start) for span in spans if span.opcode is opcode]
        axes.broken_barh(bars, (lane + 0.1, 0.8), color=color, linewidth=0, label=opcode.name)
    names = {Engine.STORE: "STORE", Engine.ELEMENTWISE: "lanes", Engine.CONV: "array", Engine.LOAD: "LOAD"}
    axes.set_yticks([0.5, 1.5, 2.5, 3.5], list(names.values()))
    axes.set_xlim(0, row.predicted)
    axes.set_xlabel(f"cycle ({row.strategy})")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.legend(frameon=False, fontsize=8, ncols=len(LANES), loc="upper right", bbox_to_anchor=(1, 1.2))
    _finish(axes)


def _finish(axes: "Axes") -> None:
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
