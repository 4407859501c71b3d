# SPDX-License-Identifier: Apache-2.0
"""What was explored, as tables: a row for each point, those that are worth their area marked."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from celosia.boards import Board
from celosia.explore.model import AreaModel
from celosia.explore.ranking import FPGA, Row

from . import console
from .bench.tables import plain_table

__all__ = ["print_rows"]

LITTLE = {
    "luts": "of as few LUTs",
    "ffs": "of as few flip-flops",
    "multipliers": "of as few multipliers",
    "block_rams": "of as few block RAMs",
    FPGA: "with as small a share of the FPGA",
}
"""What a core is that takes little, by the area that counts."""

SHORT = {"luts": "LUT", "multipliers": "mult", "block_rams": "RAM", "large_rams": "SPRAM"}
"""The same beside a number."""

CORE = 44  # characters


def print_rows(rows: Sequence[Row], board: Board, against: str, failed: Mapping[Any, str]) -> None:
    """Ranked rows on stdout: a table for each network and memory, then what cannot be, and what the figures are."""
    out = console.out()
    sections: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sections.setdefault((row.point.network.digest, row.point.memory), []).append(row)
    for section in sections.values():
        first = section[0].point
        out.print(f"[bold]{escape(first.network.name)}[/bold], memory {escape(first.memory)}", soft_wrap=True)
        there = [row for row in section if not row.outcome.why]
        if there:
            out.print(_table(there))
        _refused(out, [row for row in section if row.outcome.why])
        out.print()
    for item, error in failed.items():
        out.print(f"[red]failed[/red]: {escape(', '.join(item.facts.values()))}: {escape(error)}", soft_wrap=True)
    _explain(out, rows, board, against)


def _table(rows: Sequence[Row]) -> Table:
    table = plain_table("", "core", "strategy", "cycles", "use", "KiB", "LUTs", "FFs", "mult", "RAM", "FPGA", left=3)
    table.columns[1].max_width = CORE
    table.columns[1].overflow = "fold"
    for row in rows:
        outcome, area = row.outcome, row.area
        sizes = (area.luts, area.ffs, area.multipliers, area.block_rams) if area else ()
        style = "bold" if row.optimal else ("" if row.comparable else "bright_black")
        table.add_row(
            "●" if row.optimal else "○" if row.balanced else "",
            escape(row.point.core.text), escape(outcome.strategy), f"{outcome.cycles:,}", f"{row.use:.0%}",
            f"{outcome.bytes / 1024:,.0f}", *(f"{size:,}" for size in sizes), *[""] * (4 - len(sizes)), _share(row),
            style=style,
        )  # fmt: skip
    return table


def _share(row: Row) -> Text:
    if row.area is None:
        return Text("?")
    text = Text(f"{row.share:.0%} {SHORT[row.scarcest]}", "red" if row.share > 1 else "")
    if row.more_on_host:
        text.append(" host", "yellow")
    return text


def _refused(out: Console, rows: Sequence[Row]) -> None:
    """Why points are not in the table, each reason once."""
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        name, why = row.point.network.name, row.outcome.why
        subject = f"{name} does not fit {row.point.core.text}: "
        reason = f"does not fit: {why.removeprefix(subject)}" if why.startswith(subject) else why
        reasons.setdefault(reason, {})[_who(row)] = None
    for reason, points in reasons.items():
        out.print(f"[red]{escape('; '.join(points))}[/red]: {escape(reason)}", soft_wrap=True)


def _who(row: Row) -> str:
    asked = row.point.strategy
    return row.point.core.text + ("" if asked == "best" else f" {asked}")


def _explain(out: Console, rows: Sequence[Row], board: Board, against: str) -> None:
    lines = [
        f"●: no other core {LITTLE[against]} takes as few cycles. ○: none is better in anything and worse in nothing "
        "(cycles, KiB, LUTs, FFs, multipliers, RAM).",
        "cycles: of an inference, predicted. use: of the multipliers' time. KiB: through the external bus.",
        f"FPGA: the largest share of what {board.part.name} ({board.name}) has; above 100 % it does not fit.",
    ]
    if any(row.more_on_host for row in rows):
        lines.append(
            "host: more operators are left to the host than by others, so the cycles are not of the same work."
        )
    lines.append(_source(rows))
    out.print("\n".join(lines), soft_wrap=True)


def _source(rows: Sequence[Row]) -> str:
    """Where the areas are from, and how good they are."""
    there = [row for row in rows if row.area is not None]
    alone = "of the core alone, without a board's link and SDRAM controller"
    if any(row.synthesized for row in there):
        return f"Area: {alone}, as yosys made it."
    model = AreaModel.recorded()
    luts, ffs = (model.error[kind] for kind in ("luts", "ffs"))
    text = (
        f"Area: {alone}. Multipliers and block RAMs are exact; LUTs and flip-flops are a model's, which was off by "
        f"{luts.mean:.0%} and {ffs.mean:.0%} (at worst {luts.worst:.0%} and {ffs.worst:.0%}) for cores that it was "
        "not fitted to: --synthesize makes sure."
    )
    beyond = {row.point.core.text for row in there if row.point.core.config and not model.knows(row.point.core.config)}
    return text + (f" Larger than any it was fitted to: {', '.join(sorted(beyond))}." if beyond else "")
