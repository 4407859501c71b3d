# SPDX-License-Identifier: Apache-2.0
"""A network as the files of a format, and whatever file it is as layers."""

from pathlib import Path

from celosia.arch.config import Config
from celosia.arch.timing import ExternalTiming
from celosia.compiler.streaming import network_of
from celosia.model import Graph

from . import scalesim, timeloop, timeloop_core, timeloop_mapping, zigzag, zigzag_core, zigzag_mapping
from .document import load
from .errors import ExchangeError
from .nests import even_tiling, nests_of, tiling_of
from .workload import Layer, workload_of

__all__ = ["FORMATS", "Exported", "export", "read"]

FORMATS = ("scalesim", "timeloop", "zigzag")

Exported = dict[str, str]
"""Texts by file name; of one file without a mapping, a name that nothing depends on."""

EVEN = "even strips"
"""What the tiling is called that ZigZag's loops can say."""


def export(graph: Graph, form: str) -> Exported:
    """The workload of a network.

    Parameters
    ----------
    form:
        One of :data:`FORMATS`.

    Raises
    ------
    ExchangeError
        The format has no words for a layer.
    """
    layers = workload_of(graph)
    if form == "scalesim":
        return {"topology.csv": scalesim.write(layers)}
    if form == "zigzag":
        return {"workload.yaml": zigzag.write(layers)}
    multiplying = [layer for layer in layers if layer.multiplies]
    return {timeloop.file_name(place, layer): timeloop.write(layer) for place, layer in enumerate(multiplying)}


def export_mapped(
    graph: Graph, form: str, config: Config, timing: ExternalTiming, strategy: str | None
) -> tuple[Exported, str]:
    """The workload, how a strategy tiles it, the core, and the strategy's name.

    Parameters
    ----------
    strategy:
        None: whichever strategy that treats layers one by one is the fastest; for ZigZag, with even strips.

    Raises
    ------
    ExchangeError
        The format has no words for a layer, or for how it is tiled.
    CompileError
        The core cannot run the network, or the strategy tile it.
    """
    if form == "scalesim":
        raise ExchangeError(
            "SCALE-Sim's topology has no mapping in it: leave out --mapping, or choose timeloop or zigzag"
        )
    layers = workload_of(graph)
    if form == "timeloop":
        layers = [layer for layer in layers if layer.multiplies]
    network = network_of(graph, config, timing)
    if form == "zigzag" and strategy is None:
        name, tiling = EVEN, even_tiling(network)
    else:
        name, tiling = tiling_of(network, strategy)
    nests = nests_of(network, tiling, layers)
    if form == "zigzag":
        files = {
            "workload.yaml": zigzag.write(layers),
            "mapping.yaml": zigzag_mapping.mapping(config, layers, nests),
            "accelerator.yaml": zigzag_core.accelerator(config),
        }
        return files, name
    files = {"architecture.yaml": timeloop_core.architecture(config)}
    for place, layer in enumerate(layers):
        left = f"# {config.name} leaves this layer to the host: there is no mapping\n"
        tiled = timeloop_mapping.mapping(config, nests[place]) if place in nests else left
        files[timeloop.file_name(place, layer)] = timeloop.write(layer) + tiled
    return files, name


def read(path: Path) -> tuple[str, list[Layer]]:
    """The format and the layers of a SCALE-Sim topology (.csv), a ZigZag workload, or one or more Timeloop problems.

    Raises
    ------
    ExchangeError
        It is none of these, or its layers cannot be read.
    OSError
        It cannot be read.
    """
    if path.is_dir():
        return "timeloop", timeloop.read(path)
    if path.suffix.lower() == ".csv":
        return "scalesim", scalesim.read(path)
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ExchangeError(f"{path}: neither a .csv (SCALE-Sim) nor a .yaml (Timeloop, ZigZag): name it so")
    document = load(path)
    if document.is_list:
        return "zigzag", zigzag.layers_in(document)
    return "timeloop", [timeloop.problem_in(document).layer]
