# SPDX-License-Identifier: Apache-2.0
"""A core's area without synthesis: what its structure settles, and for LUTs and flip-flops a model.

LUTs (and flip-flops) of each group of blocks are a sum of terms that follow from the configuration, each times a
coefficient. These are fitted to synthesized cores (``calibration.json``, :mod:`.calibrate`) by least squares, so that
the errors relative to the whole cores are smallest. How far the model is off is told by cores that it does not see.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import log2

import numpy as np

from celosia.arch.config import Config
from celosia.arch.timing.conv import rows_per_stage
from celosia.gateware.family import Device, Family

from .area import Area, total
from .calibrate import Measured, read
from .structure import Body, body_of, ram_blocks

__all__ = ["GROUPS", "MODELLED", "AreaModel", "Group", "Miss"]

MODELLED = ("luts", "ffs")

SIZES = ("rows", "columns", "lanes")


@dataclass(frozen=True)
class Group:
    """Blocks that depend on the same things.

    Parameters
    ----------
    blocks:
        Their names in a netlist; none for all that are in no other group.
    terms:
        What they depend on.
    """

    name: str
    blocks: tuple[str, ...]
    terms: Callable[[Config, Body], tuple[float, ...]]


def _array(config: Config, body: Body) -> tuple[float, ...]:
    with_multiplier, pairs, stage = body.rows + body.odd_rows, config.pairs, rows_per_stage(config)
    # Registers in which sums, weights and activations wait for each other at the edges.
    late = 2 * (config.sum_bits + 8 * config.weight_rows) * pairs * (pairs - 1) / 2
    late += 8 * sum(row // stage for row in range(config.rows))
    down = config.rows * config.down_channels
    return with_multiplier, config.rows * pairs - with_multiplier, down, pairs, pairs * config.weight_rows, late


def _lanes(config: Config, body: Body) -> tuple[float, ...]:
    several = (config.lanes < config.columns) * config.columns  # columns that share lanes
    return body.lanes, config.lanes - body.lanes, config.elementwise * config.lanes, several


def _sums(config: Config, body: Body) -> tuple[float, ...]:
    switches = config.overlap, config.down_channels > 0, config.lanes < config.columns
    return 1, config.columns, *(switch * config.columns for switch in switches)


def _words(config: Config, body: Body) -> tuple[float, ...]:
    word = config.activation_word_bytes
    return 1, word, word * log2(2 * word), (config.down_channels > 0) * word, config.overlap


def _elementwise(config: Config, body: Body) -> tuple[float, ...]:
    return tuple(config.elementwise * term for term in (1, config.activation_word_bytes, config.lanes))


def _external(config: Config, body: Body) -> tuple[float, ...]:
    return tuple(config.external * term for term in (1, config.bus_bits))


def _control(config: Config, body: Body) -> tuple[float, ...]:
    return 1, config.overlap, config.elementwise, config.external, config.down_channels > 0, config.weight_word_bytes


GROUPS = (
    Group("array", ("array",), _array),
    Group("lanes", ("lanes",), _lanes),
    Group("sums", ("accumulators", "clamp", "late", "parameter_ring"), _sums),
    Group("activations", ("activation_memory", "feeder", "writer"), _words),
    Group("elementwise", ("elementwise_engine",), _elementwise),
    Group("external", ("dma", "arbiter"), _external),
    Group("control", (), _control),
)


@dataclass(frozen=True)
class Miss:
    """How far a model is off: by how much of the truth on average, and at worst."""

    mean: float
    worst: float


class AreaModel:
    """The area of ECP5 cores.

    Parameters
    ----------
    cores:
        Synthesized cores. It is fitted to those that are not held out.

    Attributes
    ----------
    error:
        How far it is off for those that are held out, by kind (:data:`MODELLED`).
    """

    def __init__(self, cores: Sequence[Measured]):
        fitted = [core for core in cores if not core.held_out]
        self._largest = {size: max(getattr(core.config, size) for core in fitted) for size in SIZES}
        self._coefficients = {(group.name, kind): _fit(group, kind, fitted) for group in GROUPS for kind in MODELLED}
        self.error = {kind: self._miss(kind, [core for core in cores if core.held_out]) for kind in MODELLED}

    @classmethod
    def recorded(cls) -> "AreaModel":
        """The model of the recorded calibration."""
        return _recorded()

    def area(self, config: Config, multipliers: int) -> Area:
        """What a core takes of an FPGA with so many multipliers."""
        device = Device(Family.ECP5, multipliers=multipliers)
        body = body_of(config, device)
        modelled = {
            kind: round(sum(max(0.0, self._of(group, kind, config, body)) for group in GROUPS)) for kind in MODELLED
        }
        return Area(**modelled, multipliers=body.multipliers, block_rams=ram_blocks(config, device))

    def _of(self, group: Group, kind: str, config: Config, body: Body) -> float:
        return float(np.dot(self._coefficients[group.name, kind], group.terms(config, body)))

    def knows(self, config: Config) -> bool:
        """Whether a core is in no way larger than all those that the model was fitted to."""
        return all(getattr(config, size) <= largest for size, largest in self._largest.items())

    def _miss(self, kind: str, cores: Sequence[Measured]) -> Miss:
        truths = [getattr(total(core.blocks), kind) for core in cores]
        guesses = [getattr(self.area(core.config, core.multipliers), kind) for core in cores]
        off = [abs(guess - truth) / truth for guess, truth in zip(guesses, truths, strict=True)] or [float("nan")]
        return Miss(float(np.mean(off)), max(off))


def _fit(group: Group, kind: str, cores: Sequence[Measured]) -> np.ndarray:
    """The coefficients of a group: errors count by the share of the whole core that they are."""
    weights = np.array([1 / getattr(total(core.blocks), kind) for core in cores])
    devices = [Device(Family.ECP5, multipliers=core.multipliers) for core in cores]
    terms = [group.terms(core.config, body_of(core.config, d)) for core, d in zip(cores, devices, strict=True)]
    matrix = np.array(terms, float) * weights[:, None]
    truth = np.array([_measured(core, group, kind) for core in cores]) * weights
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-12)
    return np.linalg.lstsq(matrix / scale, truth, rcond=1e-6)[0] / scale


def _measured(core: Measured, group: Group, kind: str) -> int:
    return sum(getattr(area, kind) for block, area in core.blocks.items() if _group_of(block) == group.name)


@cache
def _group_of(block: str) -> str:
    return next((group.name for group in GROUPS if block in group.blocks), GROUPS[-1].name)


@cache
def _recorded() -> AreaModel:
    return AreaModel(read().cores)
