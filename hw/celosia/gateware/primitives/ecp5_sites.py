# SPDX-License-Identifier: Apache-2.0
"""Where ECP5's multipliers are, and which of them an array's column pairs take.

Facts: nextpnr's list of BELs. The LFE5U-85F has three rows of 13 DSP blocks, each block with four multipliers.
"""

__all__ = ["column_sites"]

BLOCK_COLUMNS = {"85F": (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)}
BLOCK_ROWS = {"85F": (10, 34, 58)}

IN_BLOCK = ((0, "MULT18_0"), (1, "MULT18_1"), (4, "MULT18_4"), (5, "MULT18_5"))
"""Offset and name of the multipliers of a block."""


def column_sites(device: str, *, rows: int, columns: int) -> list[list[str]]:
    """The BELs of up to ``columns`` column pairs of ``rows`` multipliers each.

    A column pair lies along a row of blocks, the next one above it, so that every activation has the same short way:
    up to the last row of blocks, on to the right, down again, and so on. Pairs for which there is no room are
    left out, and all of them on devices other than the LFE5U-85F and its relatives, whose blocks are not known here.

    Parameters
    ----------
    device:
        The name in an Amaranth platform, for example LFE5U-85F.
    """
    kind = device.rpartition("-")[2]
    if kind not in BLOCK_COLUMNS:
        return []
    across, up = BLOCK_COLUMNS[kind], BLOCK_ROWS[kind]
    width = -(-rows // len(IN_BLOCK))
    result = []
    for p in range(min(columns, len(across) // width * len(up))):
        step, level = divmod(p, len(up))
        y = up[level] if step % 2 == 0 else up[-1 - level]
        blocks = across[step * width : (step + 1) * width]
        result.append([f"X{x + dx}/Y{y}/{name}" for x in blocks for dx, name in IN_BLOCK][:rows])
    return result
