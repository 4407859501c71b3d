# SPDX-License-Identifier: Apache-2.0
"""Explorations as a picture: cycles against area and against external bytes, and what cannot be beaten."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from celosia.bench.plot import FAINT, INK, check_plot
from celosia.boards import Part

from .pareto import front
from .ranking import FPGA, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_fronts"]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
"""Memories, Okabe and Ito's colours."""

AREAS = {
    "luts": "LUTs of the core",
    "ffs": "flip-flops of the core",
    "multipliers": "multipliers of the core",
    "block_rams": "block RAMs of the core",
    FPGA: "largest share of what the FPGA has, in percent",
}

WIDTH, HEIGHT, HEAD = 13.0, 4.4, 0.4  # inches: the picture, each network, the title
NAMED = 8
"""Points of a front that bear the names of their cores at most."""

Cost = Callable[[Row], float]


def plot_fronts(rows: Sequence[Row], part: Part, against: str, path: Path) -> None:
    """Draw a row of pictures for each network: left cycles against area, right cycles against external bytes.

    Each memory has a colour. Points that cannot be beaten in both are joined; those that do not fit the FPGA, or leave
    more to the host than others, are pale.

    Raises
    ------
    BenchError
        See :func:`celosia.bench.plot.check_plot`.
    OSError
        The file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    networks: dict[str, list[Row]] = {}
    for row in rows:
        networks.setdefault(row.point.network.digest, []).append(row)
    figure = Figure(figsize=(WIDTH, HEIGHT * len(networks) + HEAD), layout="constrained")
    axes = figure.subplots(len(networks), 2, squeeze=False, width_ratios=(3, 2))
    limit = getattr(part, against, None)
    for (left, right), network in zip(axes, networks.values(), strict=True):
        there = [row for row in network if row.area is not None]
        _draw(left, there, lambda row: row.cost(against) * (100 if against == FPGA else 1), named=True)
        _draw(right, there, lambda row: row.outcome.bytes / 1024, named=False)
        if limit and any(row.cost(against) > limit / 2 for row in there):
            left.axvline(limit, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label=part.name)
        left.set_xlabel(AREAS[against])
        right.set_xlabel("external KiB an inference")
        left.set_title(network[0].point.network.name, loc="left", fontsize=11, color=INK, fontweight="bold")
        left.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=160)


def _draw(axes: "Axes", rows: Sequence[Row], cost: Cost, *, named: bool) -> None:
    memories = list(dict.fromkeys(row.point.memory for row in rows))
    for place, memory in enumerate(memories):
        color = COLORS[place % len(COLORS)]
        mine = [row for row in rows if row.point.memory == memory]
        for some, alpha in (([r for r in mine if not r.comparable], 0.2), ([r for r in mine if r.comparable], 0.6)):
            axes.scatter(
                [cost(r) for r in some], [r.outcome.cycles for r in some], s=22, color=color, alpha=alpha, linewidth=0
            )
        best = front([row for row in mine if row.comparable], lambda row: (row.outcome.cycles, cost(row)))
        best.sort(key=cost)
        axes.step(
            [cost(r) for r in best], [r.outcome.cycles for r in best], where="post", color=color, linewidth=1.4,
            marker="o", markersize=4, label=memory,
        )  # fmt: skip
        if named and place == 0:
            _name(axes, best, cost)
    axes.set_yscale("log")
    axes.set_ylabel("cycles of an inference")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_minor_formatter("{x:,.0f}")
    axes.grid(color=FAINT, linewidth=0.6, which="both", axis="both")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color="#aaaaaa", labelcolor=INK, labelsize=9, which="both")


def _name(axes: "Axes", best: Sequence[Row], cost: Cost) -> None:
    """The sizes of the arrays on a front, from the left."""
    step = max(1, -(-len(best) // NAMED))
    for row in best[::step]:
        config = row.point.core.config
        assert config is not None
        axes.annotate(
            f"{config.rows}x{config.columns}", (cost(row), row.outcome.cycles), xytext=(4, 4),
            textcoords="offset points", fontsize=8, color=INK,
        )  # fmt: skip
