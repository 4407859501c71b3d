# SPDX-License-Identifier: Apache-2.0
"""Celosia's cycles beside its peers', for the same work."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .measure import ModelFigures
from .record import Peer, Record

__all__ = ["Comparison", "PeerFigures", "compare", "geometric_means"]


@dataclass(frozen=True, kw_only=True)
class PeerFigures:
    """One peer's cycles for a network.

    Parameters
    ----------
    cycles
        All that its tool counts.
    compared
        Those without the kinds of operators that Celosia leaves to the host altogether: the same work.
    ratio
        How many times as many as Celosia's: `compared` / cycles.
    """

    peer: str
    cycles: int
    compared: int
    ratio: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A network on a configuration, and on the peers with as many multipliers."""

    network: str
    title: str
    ours: ModelFigures
    peers: tuple[PeerFigures, ...]

    @property
    def fair(self) -> bool:
        """Whether it counts in a mean: every bit right, and no multiply-accumulate left to the host."""
        return self.ours.exact and not self.ours.host_macs


def compare(record: Record, network: str, ours: ModelFigures) -> Comparison:
    """Put a measurement beside the peers that have as many multipliers.

    Parameters
    ----------
    network
        The key of one of the record's networks.
    """
    (known,) = (n for n in record.networks if n.key == network)
    rivals = [p for p in record.peers if p.multipliers == ours.multipliers and network in p.cycles]
    return Comparison(
        network=network, title=known.title, ours=ours, peers=tuple(_beside(peer, network, ours) for peer in rivals)
    )


def _beside(peer: Peer, network: str, ours: ModelFigures) -> PeerFigures:
    cycles = peer.cycles[network]
    on_host = {layer.op for layer in ours.on_host} - {layer.op for layer in ours.layers if layer.place != "host"}
    compared = sum(count for kind, count in cycles.items() if kind not in on_host)
    return PeerFigures(
        peer=peer.name,
        cycles=sum(cycles.values()),
        compared=compared,
        ratio=compared / ours.cycles,
    )


def geometric_means(comparisons: Sequence[Comparison]) -> dict[str, float]:
    """By peer, the geometric mean of its ratios over the networks that are fair to compare."""
    ratios: dict[str, list[float]] = {}
    for comparison in comparisons:
        for peer in comparison.peers if comparison.fair else ():
            ratios.setdefault(peer.peer, []).append(peer.ratio)
    return {name: math.exp(math.fsum(map(math.log, values)) / len(values)) for name, values in ratios.items()}
