# SPDX-License-Identifier: Apache-2.0
"""``celosia check``: where every operator of a network would run, and why, before anything is built."""

from collections import Counter

from rich.markup import escape
from rich.table import Table

from celosia import compiler
from celosia.model import load

from . import console, options
from .configuration import DEFAULT, parse_config
from .table import place_text

__all__ = ["check"]


def check(model: options.Model, config: options.Config = DEFAULT, as_json: options.AsJson = False) -> None:
    """List every operator with the place it would run: array, lanes, host or unsupported; and why."""
    core = parse_config(config)
    rows = compiler.check(load(model), core)
    if as_json:
        operators = [row._asdict() for row in rows]
        console.print_json({"model": str(model), "config": core.name, "operators": operators})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right", style="bright_black")
    table.add_column("operator", no_wrap=True)
    table.add_column("place", no_wrap=True)
    table.add_column("why", ratio=1, overflow="fold")
    table.add_column(
        "name", max_width=console.out().width // 5, overflow="ellipsis", no_wrap=True, style="bright_black"
    )
    for row in rows:
        table.add_row(str(row.index), row.op, place_text(row.place), escape(row.why), escape(row.name))
    counts = Counter(row.place for row in rows)
    console.out().print(table)
    places = ", ".join(f"{count} {place}" for place, count in counts.items())
    console.out().print(f"\n{escape(str(model))} on {core.name}: {places}", soft_wrap=True)
