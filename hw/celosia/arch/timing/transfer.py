# SPDX-License-Identifier: Apache-2.0
"""Cycles of LOAD and STORE commands on an external memory of given latency and bandwidth."""

from collections.abc import Mapping
from dataclasses import dataclass

from ..config import Config
from ..isa import Engine

__all__ = ["ExternalTiming", "transfer_cycles"]


@dataclass(frozen=True)
class ExternalTiming:
    """The external memory as the timing model sees it.

    Parameters
    ----------
    latency:
        Cycles from a read's address to its first beat, or from a write's last beat to its answer.
    gap:
        Idle cycles after every beat; 0 is one beat a cycle.
    """

    latency: int = 1
    gap: int = 0


READ_OVERHEAD = 8
WRITE_OVERHEAD = 12


def transfer_cycles(config: Config, command: Mapping[str, int], external: ExternalTiming, engine: Engine) -> int:
    """Cycles of one transfer: its beats, the latency once, and the engine's own pipeline."""
    beats = command["rows"] * (command["row_bytes"] // config.bus_bytes)
    overhead = READ_OVERHEAD if engine is Engine.LOAD else WRITE_OVERHEAD
    return overhead + external.latency + beats * (1 + external.gap)
