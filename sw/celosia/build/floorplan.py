# SPDX-License-Identifier: Apache-2.0
"""A picture of where everything is on the chip."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from .blocks import block_of
from .errors import BuildError
from .springs import tile_of

__all__ = ["Spot", "draw", "read_spots"]

_LARGE = re.compile(r"MULT|DSP|ALU54|DP16KD|PDPW16|RAM|BSRAM|SPRAM|EHXPLL|PLL")

SHOWN = 14
"""Blocks that have a colour of their own, the largest."""


class Spot(NamedTuple):
    """A placed cell: its block, its tile, and whether it is a multiplier, a memory or the like."""

    block: str
    x: int
    y: int
    large: bool


def read_spots(design: Path) -> list[Spot]:
    """Every placed cell in a design that nextpnr wrote as JSON."""
    modules = json.loads(design.read_text())["modules"]
    cells = next(module["cells"] for module in modules.values() if "top" in module.get("attributes", {}))
    result = []
    for name, cell in cells.items():
        tile = tile_of(cell["attributes"].get("NEXTPNR_BEL", ""))
        if tile:
            large = bool(_LARGE.search(cell["type"])) and "DPR16" not in cell["type"]
            result.append(Spot(block_of(name), *tile, large))
    return result


def draw(spots: list[Spot], path: Path, title: str) -> None:
    """Write the picture, as the suffix of `path` says (.png, .svg).

    Each cell is a dot in its block's colour; the cells of a tile stand side by side, in a square. Multipliers and
    memories are larger.

    Raises
    ------
    BuildError
        Matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise BuildError("the floorplan needs matplotlib: pip install 'celosia[plot]'") from None
    counts = Counter(spot.block for spot in spots)
    named = [block for block, _ in counts.most_common(SHOWN)]
    colours = {block: mpl.colormaps["tab20"](index) for index, block in enumerate(named)}
    width, height = max(s.x for s in spots) + 1, max(s.y for s in spots) + 1
    figure = Figure(figsize=(12, 12 * height / width), dpi=160)
    axes = figure.add_subplot()
    seen: Counter[tuple[int, int]] = Counter()
    points: dict[tuple[str, bool], list[tuple[float, float]]] = {}
    for spot in spots:
        index = seen[spot.x, spot.y]
        seen[spot.x, spot.y] += 1
        key = (spot.block if spot.block in colours else "", spot.large)
        points.setdefault(key, []).append((spot.x + 0.15 + index % 4 * 0.23, spot.y + 0.15 + index // 4 % 4 * 0.23))
    for (block, large), where in points.items():
        xs, ys = zip(*where, strict=True)
        size = 9 if large else 0.6
        axes.scatter(xs, ys, s=size, color=colours.get(block, "0.6"), marker="s", linewidths=0)
    for block in named:
        axes.scatter([], [], s=40, color=colours[block], marker="s", label=f"{block}  {counts[block]:,}")
    if len(counts) > len(named):
        rest = sum(counts.values()) - sum(counts[block] for block in named)
        axes.scatter([], [], s=40, color="0.6", marker="s", label=f"everything else  {rest:,}")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="equal", xticks=[], yticks=[], title=title)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
