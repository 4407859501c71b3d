# SPDX-License-Identifier: Apache-2.0
"""Where the bytes of a value lie in the activation memory.

Usually one pixel follows the other, and one row the other. DEPTHWISE reads D channels of two places at once, which
must be D bytes of one word each, in words of different parity; so do its two outputs go. What it reads or writes
has pixels of whole blocks of D bytes, and neighbours that must be met at once an odd number of words apart: the gaps
that this takes hold nothing.

An input of the network may also have the rows of its images interleaved (:class:`Lines`).
"""

from dataclasses import dataclass
from typing import NamedTuple

from celosia.arch.config import Config

__all__ = ["Layout", "Lines", "Need", "Pitch", "layout_for"]


class Pitch(NamedTuple):
    """Bytes from a pixel to the next one of its row, of the next row, and of the next image."""

    pixel: int
    row: int
    image: int

    @classmethod
    def dense(cls, height: int, width: int, channels: int) -> "Pitch":
        """Of images without gaps."""
        return cls(channels, width * channels, height * width * channels)


class Lines(NamedTuple):
    """Interleaved rows: ``height`` lines an image, whose pixels are those of ``rows`` rows side by side.

    Line ``j`` begins with row ``j·step − before``; rows outside the image hold ``fill``.
    """

    height: int
    rows: int
    step: int
    before: int
    fill: int


@dataclass(frozen=True)
class Layout:
    """Images of ``shape`` (images, rows, columns, channels) whose pixels are ``pitch`` apart; ``pad`` bytes follow.

    With ``lines``, the pitches are those of the lines.
    """

    shape: tuple[int, int, int, int]
    pitch: Pitch
    pad: int = 0
    lines: Lines | None = None

    @property
    def bytes(self) -> int:
        """From the first byte to the last, and ``pad``."""
        if self.lines is not None:
            return self.shape[0] * self.pitch.image
        counts = zip(self.shape[:3], reversed(self.pitch), strict=True)
        return sum((count - 1) * step for count, step in counts) + self.shape[3] + self.pad

    @property
    def is_dense(self) -> bool:
        """Whether every byte is where it would be without gaps."""
        if self.lines is not None:
            return False
        dense = Pitch.dense(*self.shape[1:])
        counts = (self.shape[2], self.shape[1], self.shape[0])
        return all(count == 1 or a == b for count, a, b in zip(counts, self.pitch, dense, strict=True))

    def seen_as(self, shape: tuple[int, int, int, int]) -> Pitch | None:
        """The pitches of the same pixels as images of ``shape``: as they are, rows and columns swapped where one
        of them is 1, or all in one row if no gap is between rows; None for any other shape."""
        if self.lines is not None:
            return None
        if shape == self.shape:
            return self.pitch
        images, rows, columns, channels = shape
        if (images, columns, rows, channels) == self.shape and 1 in (rows, columns):
            return Pitch(self.pitch.row, self.pitch.pixel, self.pitch.image)
        together = self.pitch.row == self.shape[2] * self.pitch.pixel
        if together and shape == (self.shape[0], 1, self.shape[1] * self.shape[2], self.shape[3]):
            return self.pitch._replace(row=self.pitch.image)
        return None


class Need(NamedTuple):
    """What must hold of pitches: 0 nothing, 1 a multiple of D, 2 an odd multiple of the activation word.

    ``even`` rows have room for an even number of pixels.
    """

    pixel: int = 0
    row: int = 0
    even: bool = False

    def joined(self, other: "Need") -> "Need":
        """What satisfies both."""
        return Need(max(self.pixel, other.pixel), max(self.row, other.row), self.even or other.even)


def layout_for(config: Config, shape: tuple[int, int, int, int], need: Need) -> Layout:
    """The smallest layout of images of ``shape`` that satisfies ``need``."""
    _, height, width, channels = shape
    extra = width % 2 if need.even else 0
    pixel = _aligned(config, channels, need.pixel)
    row = _aligned(config, (width + extra) * pixel, max(need.row, min(need.pixel, 1)))
    return Layout(shape, Pitch(pixel, row, height * row), extra * pixel)


def _aligned(config: Config, size: int, level: int) -> int:
    if level == 2:
        return (-(-size // config.activation_word_bytes) | 1) * config.activation_word_bytes
    return -(-size // config.down_channels) * config.down_channels if level else size
