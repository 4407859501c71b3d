# SPDX-License-Identifier: Apache-2.0
"""Boards, one a file, and what is on them around the core."""

from .board import Board, BoardError, Part
from .icebreaker import ICEBREAKER
from .icepi_zero import ICEPI_ZERO
from .tang_primer_20k import TANG_PRIMER_20K
from .ulx3s_85f import ULX3S_85F

__all__ = ["BOARDS", "Board", "BoardError", "Part", "board"]

BOARDS = {entry.name: entry for entry in (ULX3S_85F, ICEPI_ZERO, TANG_PRIMER_20K, ICEBREAKER)}
"""Boards by name, largest first."""


def board(name: str) -> Board:
    """The board called `name`; ``_`` is as good as ``-``.

    Raises
    ------
    BoardError
        When there is none; the message lists the names there are.
    """
    known = BOARDS.get(name.lower().replace("_", "-"))
    if known is None:
        raise BoardError(f"no board is called {name!r}; choose one of {', '.join(BOARDS)}")
    return known
