# SPDX-License-Identifier: Apache-2.0
"""Small grey images in a terminal."""

import numpy as np
from rich.style import Style
from rich.text import Text

__all__ = ["picture"]

SHADES = " ░▒▓█"
ASCII_SHADES = " .+#@"


def picture(greys: np.ndarray, *, color: bool, unicode: bool = True) -> list[Text]:
    """An image as lines of text.

    Parameters
    ----------
    greys
        (rows, columns), 0 black to 255 white; an even number of rows.
    color
        Two pixels a character, one above the other, in 24-bit grey; otherwise two characters a pixel,
        out of five shades.
    unicode
        Whether the terminal can print shades that are not in ASCII; without them there is no color.
    """
    if color and unicode:
        return [_halves(top, bottom) for top, bottom in zip(greys[::2], greys[1::2], strict=True)]
    shades = SHADES if unicode else ASCII_SHADES
    return [Text("".join(2 * shades[int(g) * len(shades) // 256] for g in row)) for row in greys]


def _halves(top: np.ndarray, bottom: np.ndarray) -> Text:
    """One line of upper half blocks: the foreground is the upper pixel, the background the lower one."""
    line = Text()
    for upper, lower in zip(top.tolist(), bottom.tolist(), strict=True):
        line.append("▀", Style.parse(f"#{upper:02x}{upper:02x}{upper:02x} on #{lower:02x}{lower:02x}{lower:02x}"))
    return line
