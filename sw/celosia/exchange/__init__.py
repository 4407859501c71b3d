# SPDX-License-Identifier: Apache-2.0
"""Workloads and mappings in the files of other tools: SCALE-Sim, Timeloop and ZigZag (docs/exchange.md).

::

    Graph ──► workload ──► scalesim, timeloop, zigzag ──► their files          celosia export
      ▲           │ ▲               │
      └─ network ◄┘ └───────────────┘ read                                     celosia import
    Tiling ──► nests ──► timeloop_mapping, zigzag_mapping ──► their files      celosia export --mapping
      ▲                             │
      └──────── strategy ◄── wishes ┘ read                                     --strategies mapping:FILE
"""

from .errors import ExchangeError
from .files import FORMATS, export, read
from .network import network_of
from .workload import Layer, Span, workload_of

__all__ = ["FORMATS", "ExchangeError", "Layer", "Span", "export", "network_of", "read", "workload_of"]
