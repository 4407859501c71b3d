# SPDX-License-Identifier: Apache-2.0
"""What the search found before, in a folder of small JSON files.

The name of a file is a hash of all that decides: layers, core, external memory, and the sources of the search. The
folder is ``tilings`` in ``CELOSIA_CACHE``, or in the user's cache folder of this system.
"""

import hashlib
import json
import os
from functools import cache
from pathlib import Path

import platformdirs

from celosia.arch import timing

from ..ir import AddLayer, DepthwiseLayer
from .network import Network
from .tiling import Order, Stage, Tiling

__all__ = ["remember", "remembered"]


def remembered(network: Network) -> Tiling | None:
    """The tiling that was found for an equal network; None if there is none that can be read."""
    path = _path(network)
    try:
        if not path.exists():
            return None
        values = json.loads(path.read_text())
        stages = tuple(
            Stage(layers=tuple(layers), height=height, split=split, order=Order[order], doubled=doubled)
            for layers, height, split, order, doubled in values["stages"]
        )
        return Tiling(stages=stages, resident=frozenset(values["resident"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def remember(network: Network, tiling: Tiling) -> Tiling:
    """Keep a tiling for the next time, if the folder can be written to; returns it."""
    path = _path(network)
    stages = [[list(s.layers), s.height, s.split, s.order.name, s.doubled] for s in tiling.stages]
    text = json.dumps({"stages": stages, "resident": sorted(tiling.resident)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(text)
        part.replace(path)
    except OSError:
        pass  # it is found again the next time
    return tiling


def _path(network: Network) -> Path:
    root = Path(os.environ.get("CELOSIA_CACHE") or platformdirs.user_cache_path("celosia")) / "tilings"
    return root / f"{_key(network)}.json"


def _key(network: Network) -> str:
    facts: list[object] = [network.config.hash, repr(network.timing), network.spans, sorted(network.moved)]
    for number, layer in network.layers.items():
        values = [*network.inputs(number), layer.output]
        facts.append([number, type(layer).__name__, values, [network.rows(value) for value in values]])
        if not isinstance(layer, AddLayer):
            facts.append(repr(layer.window))
            facts.append([group.first for group in layer.groups])
        if isinstance(layer, DepthwiseLayer):
            facts.append(layer.plan.name)
    return hashlib.sha256((_sources() + repr(facts)).encode()).hexdigest()[:32]


@cache
def _sources() -> str:
    """A hash of the files that decide what is found."""
    result = hashlib.sha256()
    for folder in (Path(__file__).parent, Path(str(timing.__file__)).parent):
        for path in sorted(folder.glob("*.py")):
            result.update(path.read_bytes())
    return result.hexdigest()
