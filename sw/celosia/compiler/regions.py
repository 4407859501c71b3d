# SPDX-License-Identifier: Apache-2.0
"""Whether commands touch the same bytes."""

import numpy as np

from .ir import Command, Region

__all__ = ["conflict", "overlap", "touch"]


def conflict(first: Command, second: Command) -> bool:
    """Whether the order of two commands matters: they touch the same bytes, and one of them writes."""
    return touch(first.writes, second.reads) or touch(first.reads, second.writes) or touch(first.writes, second.writes)


def touch(first: tuple[Region, ...], second: tuple[Region, ...]) -> bool:
    """Whether any region of one shares a byte with any of the other."""
    return any(overlap(a, b) for a in first for b in second)


def overlap(a: Region, b: Region) -> bool:
    """Whether two regions share a byte."""
    if a.space is not b.space:
        return False
    if a.start + (a.rows - 1) * a.pitch + a.row_bytes <= b.start:
        return False
    if b.start + (b.rows - 1) * b.pitch + b.row_bytes <= a.start:
        return False
    gap = (np.arange(a.rows) * a.pitch + a.start)[:, None] - (np.arange(b.rows) * b.pitch + b.start)
    return bool(((gap < b.row_bytes) & (gap > -a.row_bytes)).any())
