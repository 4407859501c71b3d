# SPDX-License-Identifier: Apache-2.0
"""Which points are worth their area."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from celosia.boards import Part

from .area import KINDS, Area
from .outcome import Outcome
from .pareto import front
from .space import Point

__all__ = ["AREAS", "FPGA", "Row", "rank"]

FPGA = "fpga"
"""Area as the largest share of anything that an FPGA has."""

AREAS = (*KINDS, FPGA)
"""Kinds of area."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A point with all that is known of it.

    Parameters
    ----------
    area:
        None where it is unknown.
    synthesized:
        The area is yosys'; else the model's.
    scarcest, share:
        Of what the core takes the largest share of the FPGA, and that share.
    more_on_host:
        More operators are left to the host than by other points of the network: the cycles are not those of the same
        work.
    optimal:
        No point of the same network and memory is better in cycles and area (of the kind that counts).
    balanced:
        None is better in cycles, external bytes and every kind of area.
    """

    point: Point
    outcome: Outcome
    area: Area | None = None
    synthesized: bool = False
    scarcest: str = ""
    share: float = 0.0
    more_on_host: bool = False
    optimal: bool = False
    balanced: bool = False

    @property
    def comparable(self) -> bool:
        """It is there, fits the FPGA, and does the same work as others."""
        return not self.outcome.why and self.area is not None and self.share <= 1 and not self.more_on_host

    @property
    def use(self) -> float:
        """The share of the multipliers' time that is used."""
        config = self.point.core.config
        return (
            self.outcome.macs / (self.outcome.cycles * config.macs_per_cycle) if config and self.outcome.cycles else 0
        )

    def cost(self, against: str) -> float:
        """The area, of one of :data:`AREAS`."""
        if against == FPGA:
            return self.share
        return getattr(self.area, against, float("inf"))

    def with_area(self, area: Area | None, *, synthesized: bool) -> "Row":
        """The same point, its area known (or not)."""
        return replace(self, area=area, synthesized=synthesized)

    @property
    def flat(self) -> dict[str, Any]:
        """Everything, by names that do not nest."""
        outcome, area = asdict(self.outcome), asdict(self.area) if self.area else {}
        traffic, local, host = (outcome.pop(name) for name in ("traffic", "local", "host"))
        area_from = ("synthesis" if self.synthesized else "model") if self.area else ""
        return {
            **self.point.facts,
            **outcome,
            "bytes": self.outcome.bytes,
            **{f"bytes_{kind}": size for kind, size in traffic.items()},
            **{f"local_{kind}": size for kind, size in local.items()},
            "host": " ".join(f"{kind}:{count}" for kind, count in host.items()),
            **area,
            "area_from": area_from,
            "scarcest": self.scarcest,
            "share": round(self.share, 4),
            "more_on_host": self.more_on_host,
            "optimal": self.optimal,
            "balanced": self.balanced,
        }


def rank(rows: Iterable[Row], part: Part, against: str) -> list[Row]:
    """Rows sorted by network, memory and cycles, with what depends on the others filled in.

    Parameters
    ----------
    part:
        The FPGA that the cores are for.
    against:
        The area that counts: one of :data:`AREAS`.
    """
    networks: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        networks[row.point.network.digest].append(_placed(row, part))
    return [row for network in networks.values() for row in _ranked(network, against)]


def _placed(row: Row, part: Part) -> Row:
    if row.area is None:
        return row
    scarcest, share = row.area.scarcest(part)
    return replace(row, scarcest=scarcest, share=share)


def _ranked(rows: list[Row], against: str) -> list[Row]:
    """Those of one network."""
    least = min((sum(row.outcome.host.values()) for row in rows if not row.outcome.why), default=0)
    memories: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        more = not row.outcome.why and sum(row.outcome.host.values()) > least
        memories[row.point.memory].append(replace(row, more_on_host=more))
    return [row for memory in memories.values() for row in _marked(memory, against)]


def _marked(rows: list[Row], against: str) -> list[Row]:
    """Those of one network and memory: the fastest first, what cannot be at the end."""
    able = [row for row in rows if row.comparable]
    optimal = _among(front(able, lambda row: (row.outcome.cycles, row.cost(against))))
    balanced = _among(front(able, lambda row: (row.outcome.cycles, row.outcome.bytes, *map(row.cost, KINDS))))
    marked = [replace(row, optimal=id(row) in optimal, balanced=id(row) in balanced) for row in rows]
    return sorted(marked, key=lambda row: (bool(row.outcome.why), row.outcome.cycles, row.cost(against)))


def _among(rows: Iterable[Row]) -> set[int]:
    return {id(row) for row in rows}
