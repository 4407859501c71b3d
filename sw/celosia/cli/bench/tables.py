# SPDX-License-Identifier: Apache-2.0
"""Measurements as tables."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from celosia.bench import LayerFigures, ModelFigures

from ..table import place_text

__all__ = ["layer_table", "model_table", "on_host", "plain_table", "verdict"]

NAME = 30  # characters


def plain_table(*columns: str, left: int = 1) -> Table:
    """A table without lines: the first `left` columns are names, the others numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        if index < left:
            table.add_column(column, overflow="ellipsis", max_width=NAME, no_wrap=True)
        else:
            table.add_column(column, justify="right", no_wrap=True)
    return table


def verdict(exact: bool) -> Text:
    """Whether every bit is right."""
    return Text("yes", "green") if exact else Text("NO", "bold red")


def on_host(figures: ModelFigures) -> Text:
    """The operators that the host computed, and the multiply-accumulates among them."""
    text = Text(", ".join(dict.fromkeys(layer.op for layer in figures.on_host)), "yellow")
    if figures.host_macs:
        text.append(f" ({figures.host_macs:,} MACs)", "bold yellow")
    return text


def model_table(rows: Sequence[ModelFigures]) -> Table:
    """A row for each network that was measured."""
    table = plain_table("network", "MACs", "cycles", "predicted", "ideal", "use", "exact")
    table.add_column("on the host", overflow="fold")
    for row in rows:
        numbers = (f"{row.macs:,}", f"{row.cycles:,}", f"{row.predicted:,}", f"{row.ideal:,.0f}")
        table.add_row(escape(row.model), *numbers, f"{row.utilization:.0%}", verdict(row.exact), on_host(row))
    return table


def layer_table(figures: ModelFigures) -> Table:
    """A row for each operator of a network."""
    table = plain_table(
        "", "layer", "operator", "place", "cycles", "predicted", "ideal", "MACs", "MACs/byte", "use", left=4
    )
    table.columns[0].style = "bright_black"
    for index, layer in enumerate(figures.layers):
        names = str(index), escape(layer.name), layer.op, place_text(layer.place)
        table.add_row(*names, *_cost(layer), *_work(layer))
    return table


def _cost(layer: LayerFigures) -> tuple[str | Text, str, str]:
    if layer.place == "host":
        return Text(f"{layer.seconds * 1e3:.1f} ms", "yellow"), "", ""
    cycles = "?" if layer.cycles is None else f"{layer.cycles:,}"
    return cycles, f"{layer.predicted:,}", f"{layer.ideal:,.0f}" if layer.macs else ""


def _work(layer: LayerFigures) -> tuple[str, str, str]:
    if not layer.macs:
        return "", "", ""
    if layer.place == "host":
        return f"{layer.macs:,}", "", ""
    return f"{layer.macs:,}", f"{layer.intensity:.1f}", f"{layer.utilization:.0%}"
