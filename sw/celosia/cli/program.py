# SPDX-License-Identifier: Apache-2.0
"""``celosia program``: a bitstream into a board."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from celosia.boards import Board
from celosia.boards import board as find_board
from celosia.build import loader, manifest

from . import console
from .build import DEFAULT_FOLDER
from .errors import ArgumentError
from .options import AsJson

__all__ = ["program"]

FOLDERS = (DEFAULT_FOLDER, Path("bitstreams"))
"""Where a bitstream is looked for: what was built here, and what the sources bring."""


def program(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="One of celosia boards.")],
    bitstream: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: what celosia build made, or one of bitstreams/.")
    ] = None,
    flash: Annotated[
        bool, typer.Option("--flash", help="Keep it in the board's flash: it is there again after power has gone.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a bitstream into a board that is connected by USB."""
    known = find_board(board)
    file = _find(known) if bitstream is None else bitstream
    if not file.is_file():
        raise ArgumentError(f"{file}: there is no such bitstream: celosia build {known.name} makes one")
    loader.program(known, file, flash=flash)
    kept = flash or not known.volatile
    if as_json:
        console.print_json({"board": known.name, "bitstream": str(file), "flash": kept})
    else:
        where = "its flash" if kept else "the FPGA"
        console.out().print(f"{escape(str(file))} is in {where} of the {known.title}", soft_wrap=True)


def _find(board: Board) -> Path:
    """The bitstream of a board in the first folder that has one."""
    for folder in FOLDERS:
        entry = manifest.read(folder).get(board.name)
        if entry is not None:
            return folder / entry.file
    raise ArgumentError(
        f"no bitstream for {board.name} in {' or '.join(str(folder) for folder in FOLDERS)}: "
        f"celosia build {board.name} makes one, or --bitstream names one"
    )
