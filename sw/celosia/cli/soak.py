# SPDX-License-Identifier: Apache-2.0
"""``celosia soak``: many inferences of mixed networks on one device."""

from pathlib import Path
from typing import Annotated

import typer

from celosia.fuzz.soak import mixture
from celosia.fuzz.soak import soak as run_soak
from celosia.model import load

from . import console, options
from .bench.measuring import expand
from .configuration import DEFAULT, parse_config
from .errors import ArgumentError
from .external import parse_external

__all__ = ["soak"]

GROWTH = 32 << 20
"""Bytes a process may grow by, caches included, before it counts as leaking."""

STALLS = "latency=20,gap=1,stall=0.3"


def soak(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL...", help="Networks, or folders of them; the demo's and two smaller ones by default."
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Inferences.", min=1)] = 1000,
    config: options.Config = DEFAULT,
    on: options.On = "verilator",
    external: options.External = STALLS,
    seed: Annotated[int, typer.Option(help="Which inputs, in which order.", min=0)] = 0,
    as_json: options.AsJson = False,
) -> int:
    """Run mixed networks back to back on one device, from local and from external memory; everything must be exact."""
    core = parse_config(config)
    networks = [load(path) for path in expand(models)] if models else mixture()
    if any(tensor.dtype != "int8" for graph in networks for tensor in map(graph.tensors.__getitem__, graph.inputs)):
        raise ArgumentError("soak draws int8 inputs: leave out networks with inputs of another type")
    memories = ("local", "external") if core.external else ("local",)
    with (
        console.opening(on, core, external=parse_external(external)) as device,
        console.counting(f"soaking {on}", count, "inferences") as show,
    ):
        soaked = run_soak(device, networks, count, memories=memories, seed=seed, progress=show)
    leaking = soaked.growth is not None and soaked.growth > GROWTH
    facts = {
        "config": core.name, "on": on, "inferences": soaked.inferences, "wrong": soaked.wrong,
        "cycles": soaked.cycles, "growth": soaked.growth,
    }  # fmt: skip
    if as_json:
        console.print_json(facts)
    else:
        growth = "unknown" if soaked.growth is None else f"{soaked.growth / 1024:,.0f} KiB"
        console.out().print(
            f"{soaked.inferences:,} inferences of {len(networks)} networks on {core.name}, {on}: {soaked.wrong} wrong, "
            f"{soaked.cycles:,} cycles; the process grew by {growth}{': it leaks' if leaking else ''}.",
            soft_wrap=True,
        )
    return 1 if soaked.wrong or leaking else 0
