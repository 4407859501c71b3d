# SPDX-License-Identifier: Apache-2.0
"""A core in a shared object, as a transport."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np
from amaranth.lib import wiring

from celosia.arch.config import Config
from celosia.runtime.transport import TransportError

from ..memory import MemoryModel
from ..simulated import Access, SimulatedTransport, Until
from .build import build

__all__ = ["VerilatorTransport"]

_HAPPENED, _RAN_OUT, _FAILED = range(3)
_EVENT = np.dtype([("cycle", "<u8"), ("started", "<u4"), ("finished", "<u4")])
_OPTIONS = ctypes.c_uint64 * 8
_SIGNATURES = {
    "celosia_open": (ctypes.c_void_p, [ctypes.c_void_p, ctypes.POINTER(_OPTIONS), ctypes.c_char_p]),
    "celosia_close": (None, [ctypes.c_void_p]),
    "celosia_begin": (None, [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p]),
    "celosia_run": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64]),
    "celosia_cycles": (ctypes.c_uint64, [ctypes.c_void_p]),
    "celosia_error": (ctypes.c_char_p, [ctypes.c_void_p]),
    "celosia_event_count": (ctypes.c_uint64, [ctypes.c_void_p]),
    "celosia_take_events": (None, [ctypes.c_void_p, ctypes.c_void_p]),
}


class VerilatorTransport(SimulatedTransport):
    """A core simulated by compiled C++.

    Parameters
    ----------
    config:
        The core's configuration.
    make:
        Makes the core, a component with the members of :class:`celosia.gateware.core.Core`, if it must be built.
    external:
        The memory behind its AXI4 master.
    fingerprint:
        Stands for what ``make`` makes, see :func:`.build.build`.
    wave:
        A VCD file to write, about 100 bytes for every signal's change. None is no waveform, and much faster.
    report:
        Called with a few words about each step that takes long.

    Raises
    ------
    SimulatorError
        When it cannot be built.
    """

    def __init__(
        self,
        config: Config,
        make: Callable[[], wiring.Component],
        *,
        external: MemoryModel = MemoryModel(),  # noqa: B008 - frozen
        fingerprint: str | None = None,
        wave: Path | None = None,
        report: Callable[[str], None] | None = None,
    ):
        super().__init__(config, external)
        self._handle = None
        library = build(config, make, fingerprint=fingerprint, wave=wave is not None, report=report)
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        e = external
        options = _OPTIONS(e.size, e.latency, e.gap, e.stall_steps, e.seed, e.errors.start, e.errors.stop, e.jitter)
        path = None if wave is None else str(wave).encode()
        self._handle = self._library.celosia_open(self._memory.ctypes.data, ctypes.byref(options), path)
        self._words: np.ndarray | None = None

    @property
    def cycles(self) -> int:
        self._check_open()
        return self._library.celosia_cycles(self._handle)

    def _begin(self, access: Access, address: int, words: np.ndarray) -> None:
        self._words = words  # the harness uses it until the access ends
        self._library.celosia_begin(self._handle, access, address, len(words), words.ctypes.data)

    def _run(self, until: Until, cycles: int) -> bool:
        result = self._library.celosia_run(self._handle, until, cycles)
        if result == _FAILED:
            raise TransportError(self._library.celosia_error(self._handle).decode(errors="replace"))
        return result == _HAPPENED

    def _raw_events(self) -> list[tuple[int, int, int]]:
        events = np.empty(self._library.celosia_event_count(self._handle), dtype=_EVENT)
        self._library.celosia_take_events(self._handle, events.ctypes.data)
        return [(int(cycle), int(started), int(finished)) for cycle, started, finished in events]

    def close(self) -> None:
        if not self._closed and self._handle is not None:
            self._library.celosia_close(self._handle)
        self._closed = True
