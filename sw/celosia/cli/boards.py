# SPDX-License-Identifier: Apache-2.0
"""``celosia boards``: the boards there are, and those that are connected."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from celosia.boards import BOARDS, Board
from celosia.build.errors import BuildError
from celosia.build.loader import Port, serial_ports

from . import console
from .options import AsJson

__all__ = ["boards"]


def boards(as_json: AsJson = False) -> None:
    """List the boards that a bitstream can be built for, and the ports of those that are connected."""
    try:
        ports, missing = serial_ports(), None
    except BuildError as error:
        ports, missing = [], str(error)
    if as_json:
        rows = [_facts(board, ports) for board in BOARDS.values()]
        console.print_json({"boards": rows, "ports": None if missing else [port._asdict() for port in ports]})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("board", "FPGA", "array", "clock", "weights", "activations", "memory", "port"):
        table.add_column(name, no_wrap=name != "port")
    for board in BOARDS.values():
        facts = _facts(board, ports)
        table.add_row(
            board.name,
            board.part.name,
            f"{board.config.rows}x{board.config.columns}",
            f"{board.clock_hz / 1e6:g} MHz",
            f"{board.config.weight_bytes >> 10} KiB",
            f"{board.config.activation_bytes >> 10} KiB",
            f"{facts['sdram_bytes'] >> 20} MiB" if facts["sdram_bytes"] else "",
            ", ".join(facts["ports"]),
        )
    console.out().print(table)
    console.out().print()
    for board in BOARDS.values():
        console.out().print(f"{board.name}: {escape(board.title)}. {escape(board.notes)}", soft_wrap=True)
    if any(len(port.boards) > 1 for port in ports):
        console.err().print("Boards with the same USB chip look alike: the port is listed at each of them.")
    if missing:
        console.err().print(escape(missing), soft_wrap=True)


def _facts(board: Board, ports: list[Port]) -> dict[str, Any]:
    sdram = board.sdram if board.config.external else None
    return {
        "name": board.name,
        "title": board.title,
        "part": board.part.name,
        "config": board.config.text,
        "config_hash": f"{board.config.hash:016x}",
        "clock_hz": board.clock_hz,
        "baud": board.baud,
        "sdram_bytes": sdram.size if sdram else 0,
        "notes": board.notes,
        "ports": [port.device for port in ports if board.name in port.boards],
    }
