# SPDX-License-Identifier: Apache-2.0
"""Measurements: networks on configurations, simulators against each other, peers beside Celosia."""

from .compare import Comparison, PeerFigures, compare, geometric_means
from .errors import BenchError
from .measure import LayerFigures, ModelFigures, measure
from .record import Network, Peer, Record, load_record

__all__ = [
    "BenchError", "Comparison", "LayerFigures", "ModelFigures", "Network", "Peer", "PeerFigures", "Record", "compare",
    "geometric_means", "load_record", "measure",
]  # fmt: skip
