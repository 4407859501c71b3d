# SPDX-License-Identifier: Apache-2.0
"""Nests as Timeloop's ``mapping``: written, and read.

Timeloop's form: a list of directives, each for a storage level from the outermost on. A temporal or spatial one has
``factors``, one loop for each dimension, ``Q=4,3`` for four iterations of which the last nest makes three, and a
``permutation`` from the inner to the outer loop; a bypass one says which data spaces a level keeps. Loops of DRAM are
those over tiles that cross the external bus; here, weights that are streamed within a strip have their loop at the
level that keeps inputs and outputs, and bypasses weights.

::

    DRAM ─┬─────────► Activations ───────────────┬──► array (rows × columns) ─► Accumulators ─► Activations ─► DRAM
          └─────────► WeightMemory ─► registers ─┘
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from celosia.arch.config import Config
from celosia.compiler.streaming import Order

from .document import Value
from .nests import Nest, Unroll, Wish, cut, unroll
from .timeloop import Problem, problem_in
from .workload import Layer

__all__ = ["mapping", "read"]

_SPACES = ("Weights", "Inputs", "Outputs")
_DIMENSIONS = {"filters": "M", "channels": "C", "groups": "C", "tall": "S", "wide": "R"}


@dataclass
class _Level:
    """A directive in the making: loops from the inner to the outer one, each with its count and that of the last."""

    target: str
    keep: tuple[str, ...] = ()
    loops: dict[str, tuple[int, int]] = field(default_factory=dict)
    split: int | None = None

    def lines(self, dims: Sequence[str]) -> list[str]:
        order = [d for d in self.loops if d in dims] + [d for d in dims if d not in self.loops]
        counts = {d: self.loops.get(d, (1, 1)) for d in dims}
        factors = " ".join(f"{d}={n}" if n == last else f"{d}={n},{last}" for d, (n, last) in counts.items())
        kind = "temporal" if self.split is None else "spatial"
        lines = [
            f"- target: {self.target}", f"  type: {kind}", f"  factors: {factors}", f"  permutation: {''.join(order)}"
        ]  # fmt: skip
        if self.split is not None:
            return [*lines, f"  split: {self.split}"]
        kept, passed = ([s for s in _SPACES if (s in self.keep) is there] for there in (True, False))
        lines += [f"- target: {self.target}", "  type: bypass", f"  keep: [{', '.join(kept)}]"]
        return [*lines, f"  bypass: [{', '.join(passed)}]"]


def mapping(config: Config, nest: Nest) -> str:
    """The text of a mapping.

    The loops over strips and parts are the strategy's. Those below are the core's own as the nearest rectangle of
    loops: which pixels share the accumulators, and which channels of which taps share a vector, need not be one.
    """
    layer = nest.layer
    dims = [d for d in "CMRSNPQ" if d != "M" or layer.kind != "depthwise" or layer.filters > layer.channels]
    note = f"# Strips and parts of the weights as compiled ({nest.order.value}); loops below are the core's own"
    exact = "" if unroll(config, layer).exact else ", as the nearest ones that are rectangles"
    lines = [line for level in _levels(config, nest) for line in level.lines(dims)]
    return "\n".join([note + exact, "mapping:", *lines, ""])


def _levels(config: Config, nest: Nest) -> list[_Level]:
    layer = nest.layer
    rows, columns = ("P", "Q") if nest.turned else ("Q", "P")
    cut_by = "C" if layer.kind == "depthwise" else "M"
    dram, local = _Level("DRAM", _SPACES), _Level("Activations", ("Inputs", "Outputs"))
    weights, sums = _Level("WeightMemory", ("Weights",)), _Level("Accumulators", ("Outputs",))
    array, registers = _Level("Accumulators"), _Level("Registers", ("Weights",))

    strips, parts = (nest.strips, nest.strips), (nest.parts, nest.parts)
    if nest.order is Order.STRIPS:
        dram.loops = {rows: strips}
        local.loops = {cut_by: parts}
    else:
        order = (cut_by, rows) if nest.order is Order.STORED_BY_PART else (rows, cut_by)
        dram.loops = {d: strips if d == rows else parts for d in order}
    local.loops["N"] = (layer.batch, layer.batch)

    at_once = unroll(config, layer)
    spatial = {_DIMENSIONS[d]: n for d, n in (*at_once.columns.items(), *at_once.rows.items())}
    sizes = {
        "M": layer.filters // (layer.channels if layer.kind == "depthwise" else 1), "C": layer.channels,
        "S": layer.y.kernel, "R": layer.x.kernel,
    }  # fmt: skip
    across = layer.x.out if rows == "Q" else layer.y.out
    wide = cut(across, config.accumulators)
    most = max(1, config.accumulators // across)
    tall = cut(nest.height, most) if nest.strips > 1 else min(nest.height, most)
    whole = (-(-nest.height // tall), -(-nest.last // tall))
    weights.loops = {cut_by: (1, 1), columns: (across // wide, across // wide), rows: whole}
    registers.loops = {columns: (wide, wide), rows: (tall, nest.last - (whole[1] - 1) * tall)}
    for d in ("C", "R", "S", "M"):
        counted = nest.parts if d == cut_by else 1
        full, last = _rest(sizes[d], spatial.get(d, 1), counted)
        level = weights if d == cut_by else sums
        level.loops[d] = full
        array.loops[d] = last
    array.loops = {d: array.loops[d] for d in sorted(array.loops, key=lambda d: (d not in _across(at_once), d))}
    array.split = len(_across(at_once))
    return [dram, local, weights, sums, array, registers]


def _across(at_once: Unroll) -> list[str]:
    return [_DIMENSIONS[d] for d in at_once.columns]


def _rest(size: int, spatial: int, parts: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Tiles of ``spatial`` in each of some parts of a dimension, and how many are in the last of each."""
    tiles = -(-size // spatial)
    each = -(-tiles // parts)
    return (each, tiles - (parts - 1) * each), (spatial, size - (tiles - 1) * spatial)


# --- reading ---


def read(document: Value) -> tuple[Layer, Wish]:
    """The problem of a document, and how its mapping wants that tiled.

    Raises
    ------
    ExchangeError
        There is no problem or no mapping, or the mapping's loops are not those of the problem.
    """
    problem = problem_in(document)
    directives = [_directive(entry) for entry in document.need("mapping")]
    names = {dim: meaning for meaning, dim in problem.names.used().items()}
    levels = list(dict.fromkeys(target for target, *_ in directives))
    outside = [level for level in levels if re.fullmatch(r"(?i)dram|main_?memory|off_?chip\w*", level)]
    if len(outside) != 1:
        raise document.need("mapping").wrong(f"one target must be DRAM or MainMemory; there are {', '.join(levels)}")
    if levels[-1] == outside[0]:
        levels.reverse()
    nest = [_loops(directives, level, kind, names) for level in levels for kind in ("temporal", "spatial")]
    _check_sizes(document.need("mapping"), problem, nest)
    held = next((i for i, level in enumerate(levels) if i and _keeps_weights(directives, level)), len(levels))
    wish = Wish(
        where=document.need("mapping").where,
        outer=tuple((dim, last) for dim, (_, last) in reversed(nest[0].items())),  # nothing is outside them
        tile=_product(nest[1:]),
        streamed=_product(nest[2 : 2 * held : 2]),
        spatial=_product(nest[1::2]),
    )
    return problem.layer, wish


_Loops = dict[str, tuple[int, int]]
"""By dimension, from the inner to the outer loop, the count and the last count."""


def _product(nest: Sequence[_Loops]) -> dict[str, int]:
    """By dimension, the iterations of all its loops."""
    dims = dict.fromkeys(dim for part in nest for dim in part)
    return {dim: prod(part[dim][0] for part in nest if dim in part) for dim in dims}


def _directive(entry: Value) -> tuple[str, str, Value]:
    kind = entry.need("type").text()
    if kind not in ("temporal", "spatial", "bypass", "datatype", "dataspace"):
        raise entry.need("type").wrong(f"must be temporal, spatial or bypass, not {kind!r}")
    return entry.need("target").text(), kind, entry


def _loops(directives: Sequence[tuple[str, str, Value]], level: str, kind: str, names: Mapping[str, str]) -> _Loops:
    for target, which, entry in directives:
        if (target, which) != (level, kind):
            continue
        value = entry.need("factors")
        text = " ".join(part.text() for part in value) if value.is_list else value.text()
        counts: _Loops = {}
        for name, count, _, last in re.findall(r"([A-Za-z]+)\s*=?\s*(\d+)(,(\d+))?", text):
            if name not in names or int(count) < 1:
                raise value.wrong(f"{name}={count} is no loop of the problem's {', '.join(names)}")
            counts[names[name]] = (int(count), int(last or count))
        return {dim: counts.get(dim, (1, 1)) for dim in _order(entry, names)}
    return {}


def _order(entry: Value, names: Mapping[str, str]) -> list[str]:
    """Dimensions from the inner to the outer loop."""
    value = entry.get("permutation")
    if value is None:
        return list(names.values())
    given = [part.text() for part in value] if value.is_list else re.findall(r"[A-Za-z]", value.text())
    if set(given) - set(names) or len(set(given)) != len(given):
        raise value.wrong(f"{''.join(given)} must be an order of {', '.join(names)}, the innermost first")
    return [names[name] for name in given] + [meaning for name, meaning in names.items() if name not in given]


def _check_sizes(where: Value, problem: Problem, nest: Sequence[_Loops]) -> None:
    """Refuse loops that make more or less than the problem has."""
    layer = problem.layer
    sizes = {
        "batch": layer.batch, "channels": layer.channels, "groups": layer.channels,
        "rows": layer.y.out, "columns": layer.x.out,
        "tall": layer.y.kernel, "wide": layer.x.kernel,
        "filters": layer.filters // layer.channels if layer.kind == "depthwise" else layer.filters,
    }  # fmt: skip
    for dim, name in problem.names.used().items():
        whole = rest = 1
        for part in reversed(nest):
            count, last = part.get(dim, (1, 1))
            whole, rest = whole * count, (last - 1) * whole + rest
        if rest != sizes[dim]:
            raise where.wrong(f"the loops over {name} make {rest}, and the problem has {name}: {sizes[dim]}")


def _keeps_weights(directives: Sequence[tuple[str, str, Value]], level: str) -> bool:
    """Whether a level holds weights: every one does unless it bypasses them."""
    for target, kind, entry in directives:
        if target == level and kind in ("bypass", "datatype", "dataspace"):
            passed = entry.get("bypass")
            return passed is None or "Weights" not in [value.text() for value in passed]
    return True
