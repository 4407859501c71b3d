# SPDX-License-Identifier: Apache-2.0
"""How a memory of any size is made of a family's block RAMs: the shapes, and the tiling.

A block RAM can be deep and narrow or shallow and wide. Deep ones need no multiplexer behind them, so words are cut
into banks from the deepest blocks that fit down to the shallowest, and the width of a bank is whatever its depth
leaves. All shapes hold the same number of bits, so this also takes the fewest blocks.

::

    words 0 … 8191     │ 2 bits │ 2 bits │ 2 bits │ …      128 blocks for 32 bytes
    words 8192 … 8703  │       32 bits       │ …             8 blocks
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ..family import Device, Family
from ..primitives.ecp5_ram import DP16KD
from ..primitives.gowin_ram import GowinBlock

__all__ = ["Bank", "Piece", "banks_of", "block_of", "has_blocks", "pieces_of"]


@dataclass(frozen=True)
class Bank:
    """Words ``first`` … ``first + depth − 1``, in blocks that are ``width`` bits wide."""

    first: int
    depth: int
    width: int


@dataclass(frozen=True)
class Piece:
    """Bits ``start`` … ``start + size − 1`` of a word; all of them are written with enable number ``enable``."""

    start: int
    size: int
    enable: int


def has_blocks(device: Device) -> bool:
    """Whether the family's block RAMs are explicit cells."""
    return device.family in (Family.ECP5, Family.GOWIN)


def block_of(device: Device, width: int, *, dual: bool) -> DP16KD | GowinBlock:
    """One block RAM."""
    return DP16KD(width) if device.family is Family.ECP5 else GowinBlock(width, dual=dual)


def shapes_of(device: Device, *, dual: bool) -> tuple[Mapping[int, int], int]:
    """Widths by depth, and the bits of a lane (the widest part of a word with one write enable)."""
    kind = DP16KD if device.family is Family.ECP5 else GowinBlock
    return {d: w for w, d in kind.depths.items() if not dual or w <= kind.widest_dual}, kind.lane_bits


def banks_of(words: int, widths: Mapping[int, int]) -> list[Bank]:
    """The banks of a memory; each begins at a multiple of its depth."""
    smallest = min(widths)
    banks, first, left = [], 0, -(-words // smallest) * smallest
    while left:
        depth = max(d for d in widths if d <= left)
        banks.append(Bank(first, depth, widths[depth]))
        first, left = first + depth, left - depth
    return banks


def pieces_of(word_bits: int, granule: int, most: int) -> list[Piece]:
    """A word cut into pieces of at most ``most`` bits, none of which crosses a multiple of ``granule``."""
    return [
        Piece(start, min(most, begin + granule - start, word_bits - start), begin // granule)
        for begin in range(0, word_bits, granule)
        for start in range(begin, min(begin + granule, word_bits), most)
    ]
