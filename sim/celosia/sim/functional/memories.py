# SPDX-License-Identifier: Apache-2.0
"""The local memories, byte for byte as their windows show them."""

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Space
from celosia.arch.registers import PARAMETER_BYTES, PARAMETER_RECORD, space_bytes

__all__ = ["Memories"]

_STORED = PARAMETER_BYTES - PARAMETER_RECORD["reserved"].itemsize


class Memories:
    """One array of bytes a space, all zero at first.

    Attributes
    ----------
    version:
        Counts the writes to the program memory.
    """

    def __init__(self, config: Config):
        self._bytes = {space: np.zeros(space_bytes(config, space), np.uint8) for space in Space}
        self.version = 0

    def __getitem__(self, space: Space) -> np.ndarray:
        """The bytes of ``space``; change them with :meth:`write` only, but for the activations."""
        return self._bytes[space]

    def size(self, space: Space) -> int:
        """Bytes of a space."""
        return len(self._bytes[space])

    @property
    def activations(self) -> np.ndarray:
        """The activation memory as int8, a view that may be written."""
        return self._bytes[Space.ACTIVATIONS].view(np.int8)

    @property
    def records(self) -> np.ndarray:
        """The parameter memory as records."""
        return self._bytes[Space.PARAMETERS].view(PARAMETER_RECORD)

    def write(self, space: Space, address: int, data: np.ndarray) -> None:
        """Store bytes; the reserved bytes of a parameter record are not stored."""
        self._bytes[space][address : address + len(data)] = data
        if space is Space.PARAMETERS:
            self._bytes[space].reshape(-1, PARAMETER_BYTES)[:, _STORED:] = 0
        if space is Space.PROGRAM:
            self.version += 1
