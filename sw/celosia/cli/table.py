# SPDX-License-Identifier: Apache-2.0
"""What an inference cost, layer by layer, as a table and as JSON."""

import dataclasses
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from celosia.runtime import Layer, Result

from .console import beyond_ascii

__all__ = ["layer_table", "place_text", "summary"]

PLACE_STYLES = {"array": "green", "lanes": "cyan", "host": "yellow", "unsupported": "bold red"}
BAR = 10  # characters
NAME, SHORTEST_NAME = 28, 6  # characters
UNLIMITED = 1000  # characters


def place_text(place: str) -> Text:
    """A place in its colour."""
    return Text(place, PLACE_STYLES.get(place, ""))


def layer_table(console: Console, result: Result) -> Table:
    """A row for each layer and one for what ran on the core, all together, as wide as the console allows."""
    excess, table = 0, Table()
    for compact in (False, True):
        table = _table(result, compact, beyond_ascii(console))
        excess = console.measure(table, options=console.options.update(width=UNLIMITED)).maximum - console.width
        if excess <= 0:
            return table
    longest = min(NAME, max((len(layer.name) for layer in result.layers), default=0))
    table.columns[0].max_width = max(SHORTEST_NAME, longest - excess)
    return table


def _table(result: Result, compact: bool, unicode: bool) -> Table:
    """The table in full, or without MACs and with short bars."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_footer=True, footer_style="bold")
    table.add_column("layer", "on the core", overflow="ellipsis", max_width=NAME, no_wrap=True)
    table.add_column("operator", no_wrap=True)
    table.add_column("place", no_wrap=True)
    table.add_column("cycles", f"{result.cycles:,}", justify="right", no_wrap=True)
    table.add_column("predicted", f"{result.predicted:,}", justify="right", no_wrap=True)
    if not compact:
        table.add_column("MACs", f"{result.macs:,}", justify="right", no_wrap=True)
    bar = partial(_bar, length=BAR // 2 if compact else BAR, unicode=unicode)
    table.add_column("use" if compact else "utilization", bar(result.utilization), no_wrap=True)
    for layer in result.layers:
        macs = [] if compact else [f"{layer.macs:,}" if layer.macs else ""]
        host = layer.place == "host"
        used = bar(layer.utilization) if layer.macs and not host else ""
        table.add_row(escape(layer.name), layer.op, place_text(layer.place), *_cost(layer), *macs, used)
    return table


def _cost(layer: Layer) -> tuple[str | Text, str]:
    """Cycles, and as predicted; of the host's operators, the time they took."""
    if layer.place == "host":
        return Text(f"{layer.seconds * 1e3:.1f} ms", PLACE_STYLES["host"]), ""
    return "?" if layer.cycles is None else f"{layer.cycles:,}", f"{layer.predicted:,}"


def _bar(share: float, *, length: int, unicode: bool) -> Text:
    full = min(round(share * length), length)  # layers overlap: one may have done more than in its own cycles
    done, left = ("━", "╌") if unicode else ("=", ".")
    return Text.assemble((done * full, "green"), (left * (length - full), "bright_black"), f" {share:4.0%}")


def summary(result: Result) -> dict[str, Any]:
    """The part of ``--json`` that says what one inference cost; `seconds` are the host's."""
    values = dataclasses.asdict(dataclasses.replace(result, outputs=[]))
    names = ("cycles", "predicted", "macs", "utilization", "seconds", "layers")
    return {name: values[name] for name in names}
