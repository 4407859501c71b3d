# SPDX-License-Identifier: Apache-2.0
"""How much may be under way on a line, how long an answer may take, and how large frames should be."""

from celosia.arch.link import WINDOW

from .port import Port

__all__ = ["Pacing"]

_GRACE = 0.05  # seconds that a computer may be busy with something else
_FULL_WINDOW = min(32, WINDOW)
_BAUD_A_REQUEST = 40_000  # a slow line is full with few: no more than a quarter of a second's worth is under way
_LEAST_WORDS = 4
_CALM = 8  # answers in a row after which frames may grow again


class Pacing:
    """Learns from what happens on the line.

    The window begins at one request and doubles with each answer; so does it after silence. An answer is late
    when several times the longest pause between two answers has passed without one. Frames shrink when the line loses
    one soon after another, and grow again when it has lost none for a while.

    Parameters
    ----------
    port:
        Tells the time.
    baud:
        Bits a second.
    patience:
        Seconds without any progress after which the board counts as gone.
    """

    def __init__(self, port: Port, baud: int, patience: float):
        self.port, self.patience = port, patience
        self._full = max(2, min(_FULL_WINDOW, baud // _BAUD_A_REQUEST))
        self.window = 1
        self.words = 1 << 16  # at most, in one frame
        self._pause = 0.0
        self._calm = _CALM  # one loss means nothing
        self.begin()

    def begin(self) -> None:
        """A request goes out while none was under way: time counts from now."""
        self._heard = self._progress = self.port.now()
        self._wait = self._allowed()

    def answered(self) -> None:
        """An answer has come that settles a request."""
        now = self.port.now()
        self._pause = max(now - self._heard, 0.9 * self._pause)
        self._heard = self._progress = now
        self._wait = self._allowed()
        self.window = min(2 * self.window, self._full)
        self._calm += 1
        if self._calm % _CALM == 0:
            self.words = min(2 * self.words, 1 << 16)

    def lost(self, words: int) -> None:
        """A frame that had ``words`` of data, or asked for them, or its answer, was lost."""
        if self._calm < _CALM and words > _LEAST_WORDS:
            self.words = min(self.words, max(words // 2, _LEAST_WORDS))
        self._calm = 0

    def late(self) -> bool:
        """Whether an answer is overdue. If so, the next one gets twice the time, and the window closes."""
        if self.port.now() - self._heard < self._wait:
            return False
        self._heard = self.port.now()
        self._wait = max(min(2 * self._wait, self.patience / 8), self._allowed())
        self.window = 1
        return True

    def gone(self) -> bool:
        """Whether there has been no progress for longer than the patience."""
        return self.port.now() - self._progress > self.patience

    def _allowed(self) -> float:
        return _GRACE + 4 * self._pause
