# SPDX-License-Identifier: Apache-2.0
"""Measurements as a picture: where the cycles go, layer by layer, and how far each layer is below the roof."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from celosia.arch.config import Config

from .errors import BenchError
from .measure import LayerFigures, ModelFigures
from .roofline import Roof

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FORMATS", "check_plot", "plot"]

FORMATS = (".png", ".svg", ".pdf")

COLORS = {
    "CONV_2D": "#0072b2",
    "DEPTHWISE_CONV_2D": "#d55e00",
    "FULLY_CONNECTED": "#009e73",
    "ADD": "#cc79a7",
    "AVERAGE_POOL_2D": "#e69f00",
}
"""Okabe and Ito's, which colour-blind readers tell apart."""

OTHER = "#56b4e9"
INK, FAINT = "#333333", "#dddddd"
PALE = 0.35  # opacity
WIDTH, HEIGHT, HEAD = 12.0, 4.0, 0.5  # inches: the picture, each measurement, the legend
DOT, LARGEST = 18.0, 260.0  # square points
LABELLED = 0.06
"""The share of a network's cycles from which on dots carry the numbers of their layers."""

NEAR = 1.2, 0.5
"""Powers of two, across and up, within which dots share a label: labels are wider than high."""

NUMBERS = 5
"""Layers named in a label at most."""

Dot = tuple[int, LayerFigures]


def check_plot(path: Path) -> None:
    """Find out before the work whether a picture can be made.

    Raises
    ------
    BenchError
        matplotlib is not installed, or the file's name has another ending than `FORMATS`.
    """
    if path.suffix.lower() not in FORMATS:
        raise BenchError(f"{path}: a picture's name must end in {', '.join(FORMATS)}")
    try:
        import matplotlib.figure  # noqa: F401 - an extra: to draw is not everybody's business
    except ImportError:
        raise BenchError("pictures need matplotlib: pip install 'celosia[plot]'") from None


def plot(measurements: Sequence[tuple[Config, ModelFigures]], path: Path) -> None:
    """Draw measurements one below the other.

    Left, the cycles of each layer, the ideal part of them in full colour. Right, the roofline: each layer a dot, as
    large as its cycles.

    Raises
    ------
    BenchError
        See `check_plot`.
    OSError
        The file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    count = len(measurements)
    height = count * HEIGHT + HEAD
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEAD / height), w_pad=0.1, h_pad=0.12)  # type: ignore[union-attr]
    axes = figure.subplots(count, 2, squeeze=False, width_ratios=(3, 2))
    for (config, figures), (left, right) in zip(measurements, axes, strict=True):
        _draw_layers(left, figures)
        _draw_roofline(right, Roof(config), figures)
    _draw_legend(figure, [figures for _, figures in measurements], 1 - 0.12 / height)
    figure.savefig(path, dpi=160)


def _draw_legend(figure, measurements: Sequence[ModelFigures], top: float) -> None:
    from matplotlib.patches import Patch

    there = {layer.op for figures in measurements for layer in _on_core(figures)}
    ops = [op for op in COLORS if op in there]
    handles = [Patch(color=COLORS[op], label=op) for op in ops]
    if there - set(ops):
        handles.append(Patch(color=OTHER, label="other"))
    handles += [Patch(color=INK, label="ideal"), Patch(color=INK, alpha=PALE, label="beyond the ideal")]
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, top), ncols=len(handles), frameon=False, fontsize=9
    )


def _on_core(figures: ModelFigures) -> list[LayerFigures]:
    """The layers that have cycles."""
    return [layer for layer in figures.layers if layer.place != "host" and layer.cycles]


def _color(layer: LayerFigures) -> str:
    return COLORS.get(layer.op, OTHER)


def _draw_layers(axes: "Axes", figures: ModelFigures) -> None:
    """A bar for each layer, the ideal part at its foot."""
    layers = [(index, layer) for index, layer in enumerate(figures.layers) if layer.op != "RESHAPE"]
    tallest = max((layer.cycles or 0 for _, layer in layers), default=0) or 1
    for place, (_, layer) in enumerate(layers):
        cycles, color = layer.cycles or 0, _color(layer)
        if layer.place == "host":
            axes.text(place, tallest * 0.015, "on the host", rotation=90, ha="center", va="bottom", color="#888888")
            continue
        axes.bar(place, cycles, width=0.8, color=color, alpha=PALE, linewidth=0)
        axes.bar(place, min(layer.ideal, cycles), width=0.8, color=color, linewidth=0)
    axes.set_xlim(-0.7, len(layers) - 0.3)
    numbers = [str(index) for index, _ in layers]
    axes.set_xticks(range(len(layers)), numbers, fontsize=9 if len(layers) <= 24 else 7)
    axes.set_xlabel("layer")
    axes.set_ylabel("cycles")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    _finish(axes)
    exact = "" if figures.exact else ", NOT EXACT"
    axes.set_title(
        f"{figures.model} on {figures.config}: {figures.cycles:,} cycles, {figures.utilization:.0%} of the multipliers"
        + exact,
        loc="left", fontsize=11, color=INK, fontweight="bold",
    )  # fmt: skip


def _draw_roofline(axes: "Axes", roof: Roof, figures: ModelFigures) -> None:
    """Dots for layers, below the lines that none can pass."""
    dots: list[Dot] = [
        (index, layer) for index, layer in enumerate(figures.layers) if layer.cycles and layer.macs and layer.bytes_read
    ]
    low = min([0.25, *(layer.intensity / 2 for _, layer in dots)])
    high = max([64.0, *(layer.intensity * 2 for _, layer in dots)])
    floor = min([roof.peak / 64, *(layer.macs / layer.cycles / 2 for _, layer in dots if layer.cycles)])
    axes.plot([low, roof.ridge, high], [low * roof.bandwidth, roof.peak, roof.peak], color=INK, linewidth=1.6)
    knee = roof.peak / roof.weight_bytes
    axes.plot([low, knee], [low * roof.weight_bytes, roof.peak], color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xlim(low, high)
    axes.set_ylim(floor, roof.peak * 2)
    _draw_dots(axes, dots)
    axes.text(high / 1.1, roof.peak * 1.1, f"{roof.peak} multipliers", ha="right", va="bottom", color=INK, fontsize=9)
    above = any(layer.macs > roof.attainable(layer.intensity) * layer.cycles for _, layer in dots if layer.cycles)
    notes = [f"full line: {roof.bandwidth} bytes a cycle", f"dashed: {roof.weight_bytes} of weights alone"]
    notes += ["above: did part of its work during earlier layers"] if above else []
    axes.text(
        0.98, 0.03, "\n".join(notes),
        transform=axes.transAxes, ha="right", va="bottom", color=INK, fontsize=8,
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.set_xlabel("MACs a byte that the array reads")
    axes.set_ylabel("MACs a cycle")
    axes.grid(color=FAINT, linewidth=0.6)
    _finish(axes)


def _draw_dots(axes: "Axes", dots: Sequence[Dot]) -> None:
    """Large dots first, so that small ones stay in sight; numbers beside those that matter."""
    total = sum(layer.cycles or 0 for _, layer in dots)
    for _, layer in sorted(dots, key=_heaviest):
        assert layer.cycles
        size = max(DOT, LARGEST * min(1.0, 4 * layer.cycles / total))
        place = layer.intensity, layer.macs / layer.cycles
        axes.scatter(*place, s=size, color=_color(layer), alpha=0.8, edgecolor="white", linewidth=0.7, zorder=3)
    for crowd in _crowds(dots):
        if sum(layer.cycles or 0 for _, layer in crowd) < LABELLED * total:
            continue
        numbers = [str(index) for index in sorted(index for index, _ in crowd)]
        text = ", ".join(numbers if len(numbers) <= NUMBERS else [*numbers[: NUMBERS - 1], "…"])
        lowest = min(layer.macs / layer.cycles for _, layer in crowd if layer.cycles)
        axes.annotate(
            text, (crowd[0][1].intensity, lowest), xytext=(0, -9), textcoords="offset points", ha="center", va="top",
            fontsize=8, color=INK, zorder=4, bbox={"facecolor": "white", "alpha": 0.6, "linewidth": 0, "pad": 0.5},
        )  # fmt: skip


def _heaviest(dot: Dot) -> int:
    return -(dot[1].cycles or 0)


def _crowds(dots: Sequence[Dot]) -> list[list[Dot]]:
    """Dots that nearly lie on each other, the heaviest of each crowd first."""
    crowds: list[list[Dot]] = []
    for dot in sorted(dots, key=_heaviest):
        crowd = next((crowd for crowd in crowds if _near(crowd[0][1], dot[1])), None)
        if crowd is None:
            crowds.append([dot])
        else:
            crowd.append(dot)
    return crowds


def _near(one: LayerFigures, other: LayerFigures) -> bool:
    assert one.cycles
    assert other.cycles
    across = math.log2(one.intensity / other.intensity)
    up = math.log2(one.macs / one.cycles * other.cycles / other.macs)
    return abs(across) < NEAR[0] and abs(up) < NEAR[1]


def _finish(axes: "Axes") -> None:
    """Only the lines that are needed, and behind the data."""
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#aaaaaa")
    axes.tick_params(color="#aaaaaa", labelcolor=INK, labelsize=9)
