# SPDX-License-Identifier: Apache-2.0
"""Nests as ZigZag's mapping: written, and read.

A mapping is a list of entries, each for a layer of that ``name``, a kind of operator, or ``default``.
``spatial_mapping`` says what dimension of the array takes how many iterations of which loop, ``temporal_ordering`` the
other loops, from the innermost to the outermost. Which of them cross the external bus is not in it: ZigZag finds out
from the sizes of the memories. Here, the outermost loop, if it is over rows of the output, is the one over strips; if
it is over filters and the next is over rows, sets of weights are outside strips; any other two loops over filters are
within a strip.
"""

from collections.abc import Mapping, Sequence

from celosia.arch.config import Config
from celosia.compiler.streaming import Order

from .document import Value
from .errors import ExchangeError
from .nests import Nest, Wish, cut, unroll
from .workload import Layer

__all__ = ["mapping", "read"]

_NAMES = {
    "K": "filters", "C": "channels", "G": "groups", "OY": "rows", "OX": "columns", "FY": "tall", "FX": "wide",
    "B": "batch",
}  # fmt: skip
_LETTERS = {name: letter for letter, name in _NAMES.items()}
_REDUCED = ("channels", "tall", "wide")
_FREE = "*"


# --- writing ---


def mapping(config: Config, layers: Sequence[Layer], nests: Mapping[int, Nest]) -> str:
    """The text of a mapping: an entry for each layer with a nest, and a default.

    Raises
    ------
    ExchangeError
        Strips or parts are not even, which ZigZag's loops are.
    """
    entries = [_entry("default", [f"K, {config.columns}"], [f"C, {config.rows}"], [])]
    for place, nest in nests.items():
        across, down = _spatial(config, layers[place])
        entries.append(_entry(layers[place].name, across, down, _ordering(config, nest)))
    return "\n".join(entries)


def _entry(name: str, across: Sequence[str], down: Sequence[str], ordering: Sequence[tuple[str, int]]) -> str:
    lines = [f"- name: {name}", "  spatial_mapping:"]
    for dim, loops in (("D1", across), ("D2", down)):
        lines += [f"    {dim}:", *(f"      - {loop}" for loop in loops)] if loops else []
    lines.append("  memory_operand_links: {O: O, W: I2, I: I1}")
    if ordering:
        lines += ["  temporal_ordering: # the innermost first", *(f"    - [{dim}, {size}]" for dim, size in ordering)]
    return "\n".join([*lines, ""])


def _spatial(config: Config, layer: Layer) -> tuple[list[str], list[str]]:
    at_once = unroll(config, layer)
    across, down = (
        [f"{_LETTERS[dim]}, {size}" for dim, size in part.items()] for part in (at_once.columns, at_once.rows)
    )
    return across, down


def _ordering(config: Config, nest: Nest) -> list[tuple[str, int]]:
    layer = nest.layer
    _check_even(nest)
    at_once = unroll(config, layer)
    spatial = {**at_once.columns, **at_once.rows}
    rows, columns = ("OX", "OY") if nest.turned else ("OY", "OX")
    across = layer.x.out if rows == "OY" else layer.y.out
    wide = cut(across, config.accumulators)
    tall = cut(nest.height, max(1, config.accumulators // across))
    apart = layer.kind == "depthwise"
    sizes = {
        "wide": layer.x.kernel, "tall": layer.y.kernel, "groups" if apart else "channels": layer.channels,
        "filters": layer.filters // layer.channels if apart else layer.filters,
    }  # fmt: skip
    tiles = {dim: -(-size // spatial.get(dim, 1)) for dim, size in sizes.items()}
    cut_by = "groups" if apart else "filters"
    within, weights = tiles.pop(cut_by), nest.order is Order.WEIGHTS and nest.parts > 1
    parts = nest.parts if weights else 1
    if within % parts:
        raise _uneven(layer, f"{within} sets of {spatial[cut_by]} {cut_by} in {parts} parts")
    loops = [(columns, wide), (rows, tall), *((_LETTERS[dim], size) for dim, size in tiles.items())]
    loops += [(_LETTERS[cut_by], within // parts), (columns, across // wide), (rows, nest.height // tall)]
    loops = [("B", layer.batch), *loops]
    outer = [(rows, nest.strips)] if nest.rows > 1 else []
    if weights:
        outer.append((_LETTERS[cut_by], parts))
    return [(dim, size) for dim, size in loops if size > 1] + outer


def _check_even(nest: Nest) -> None:
    if nest.rows % nest.height:
        raise _uneven(nest.layer, f"strips of {nest.height} of {nest.rows} rows")


def _uneven(layer: Layer, what: str) -> ExchangeError:
    return ExchangeError(
        f"layer {layer.name}: {what} are not even, and ZigZag's loops are: leave out --strategy for even strips, or "
        f"export as timeloop"
    )


# --- reading ---


def read(document: Value) -> dict[str, Wish]:
    """What each entry of a mapping wants, by its name.

    Raises
    ------
    ExchangeError
        An entry has no name, or a loop that is none.
    """
    result: dict[str, Wish] = {}
    for entry in document:
        name = entry.need("name")
        if entry.get("equation") is not None:
            raise entry.wrong("a layer of a workload, not of a mapping: name the mapping's file")
        if name.text() in result:
            raise name.wrong(f"{name.text()} has a mapping already: one is enough")
        outer = _outer(entry)
        result[name.text()] = Wish(where=entry.where, outer=outer or (), spatial=_spatial_of(entry), free=outer is None)
    if not result:
        raise document.wrong("no mappings: nothing to use")
    return result


def _outer(entry: Value) -> tuple[tuple[str, int], ...] | None:
    """The loops that cross the external bus, the outermost first; None if they are left to Celosia."""
    ordering = entry.get("temporal_ordering")
    if ordering is None:
        return None
    loops: list[tuple[str, int]] = []
    for pair in reversed(list(ordering)):
        parts = list(pair) if pair.is_list else []
        if len(parts) != 2:
            raise pair.wrong("a loop is a dimension and a size, as in [OY, 4]")
        dim, size = parts
        if dim.text() == _FREE:
            break
        name = _NAMES.get(dim.text())
        if name is None:
            raise dim.wrong(f"no loop is called {dim.text()!r}, but {', '.join(_NAMES)}")
        loops.append((name, 0 if size.text() == _FREE else size.integer(1)))
    if not loops:
        return None
    (first, _), *rest = loops
    if first in _REDUCED and all(dim != "filters" for dim, _ in rest):
        return ()  # the sums of one set of filters: they stay in the core
    second = rest[0][0] if rest else ""
    if first in ("filters", "groups") and second in ("rows", "columns"):
        return tuple(loops[:2])
    return () if first in ("filters", "groups") else tuple(loops[:1])


def _spatial_of(entry: Value) -> dict[str, int] | None:
    spatial = entry.get("spatial_mapping")
    if spatial is None:
        return None
    result: dict[str, int] = {}
    for loops in spatial.items().values():
        for loop in loops:
            letter, comma, size = (part.strip() for part in loop.text().partition(","))
            if not comma or letter not in _NAMES or not size.isdigit() or int(size) < 1:
                raise loop.wrong(f"{loop.text()!r} is no loop with a size, as in 'K, 16' ({', '.join(_NAMES)})")
            name = _NAMES[letter]
            result[name] = result.get(name, 1) * int(size)
    return result
