# SPDX-License-Identifier: Apache-2.0
"""``celosia bench tiling``: strategies for a network in external memory, raced."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.markup import escape

from celosia import compiler, golden
from celosia.arch.config import Config
from celosia.bench.tiling import Bounds, Span, TilingFigures, bounds, figures, timeline
from celosia.bench.tiling_plot import plot_tilings
from celosia.compiler.streaming import FAMILIES, known, names
from celosia.model import Graph, load
from celosia.runtime import Program
from celosia.sim import MemoryModel

from .. import console
from ..configuration import parse_config
from ..errors import ArgumentError
from ..external import parse_external
from ..files import random_inputs
from ..options import CONFIG_HELP, ON_HELP, AsJson, Model
from .options import Plot, check_picture
from .tables import plain_table, verdict

__all__ = ["tiling"]

CORE = "c256-small"
MEMORY = "latency=30"
NOT_RUN = "model"

Row = tuple[TilingFigures, Program, list[Span]]


def tiling(
    model: Model,
    strategies: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Strategies to race, mapping:FILE among them. Default: all with a name."),
    ] = None,
    config: Annotated[str, typer.Option(metavar="NAME", help=CONFIG_HELP)] = CORE,
    memory: Annotated[
        str,
        typer.Option(metavar="FIELDS", help="The external memory: latency=30,width=16,gap=1,jitter=20,stall=0.25."),
    ] = MEMORY,
    on: Annotated[
        str, typer.Option(metavar="DEVICE", help=f"{NOT_RUN}: predict only (the default). {ON_HELP}")
    ] = NOT_RUN,
    picture: Plot = None,
    as_json: AsJson = False,
) -> int:
    """Race tiling strategies: cycles, external bytes, overlap, local memory; and what no tiling can beat."""
    check_picture(picture)
    core, graph = parse_config(config), load(model)
    chosen = _chosen(strategies)
    external = parse_external(memory, bus_bits=core.bus_bits)
    rows: list[Row] = []
    failures: dict[str, str] = {}
    for name in chosen:
        try:
            rows.append(_race(graph, core, name, external, memory, on))
        except compiler.CompileError as error:
            failures[name] = str(error)
            if len(failures) == len(chosen):
                raise
    bound = bounds(graph, rows[0][1], external.timing)
    best = min(rows, key=lambda row: row[0].predicted)
    if picture is not None:
        bandwidth = core.bus_bytes / external.timing.spacing
        both = (best[0], best[2])
        plot_tilings(model.stem, graph, [row for row, *_ in rows], bound, both, core.macs_per_cycle, bandwidth, picture)
    figures_ = [row for row, *_ in rows]
    if as_json:
        console.print_json(_as_json(model, core, memory, on, figures_, bound, failures))
    else:
        _print(model, core, memory, on, figures_, bound, failures)
    return 1 if any(row.exact is False for row in figures_) else 0


def _chosen(text: str | None) -> list[str]:
    wanted = list(names()) if text is None else [name.strip() for name in text.split(",")]
    for name in wanted:
        if not known(name):
            choices = ", ".join((*names(), *FAMILIES))
            raise ArgumentError(f"no strategy that streams is called {name!r}; choose from {choices}")
    return list(dict.fromkeys(wanted))


def _race(graph: Graph, core: Config, name: str, external: MemoryModel, memory: str, on: str) -> Row:
    """One strategy: compiled, and run if wanted."""
    start = time.perf_counter()
    program = compiler.compile(graph, core, memory="external", strategy=name, timing=external.timing)
    seconds = time.perf_counter() - start
    spans = timeline(program, external.timing)
    if on == NOT_RUN:
        return figures(program, spans, seconds), program, spans
    room = parse_external(memory, program.external["end"], core.bus_bits)
    inputs = random_inputs(0, program.inputs).inferences[0]
    with console.opening(on, core, external=room) as device:
        with console.counting(name, program.predicted, "cycles") as show:
            result = device.run(program, inputs, progress=show)
    exact = all(np.array_equal(*pair) for pair in zip(golden.run(graph, inputs), result.outputs, strict=True))
    return figures(program, spans, seconds, result.cycles, exact), program, spans


def _as_json(
    model: Path, core: Config, memory: str, on: str, rows: list[TilingFigures], bound: Bounds, failures: dict[str, str]
) -> dict[str, Any]:
    return {
        "model": str(model),
        "config": core.name,
        "memory": memory,
        "on": on,
        "bounds": dataclasses.asdict(bound) | {"traffic": bound.traffic, "cycles": bound.cycles},
        "strategies": [dataclasses.asdict(row) | {"bytes": row.bytes} for row in rows],
        "refused": failures,
    }


def _print(
    model: Path, core: Config, memory: str, on: str, rows: list[TilingFigures], bound: Bounds, failures: dict[str, str]
) -> None:
    out = console.out()
    what = f"on {escape(core.name)}, external memory {escape(memory)}"
    out.print(f"[bold]{escape(str(model))}[/bold] {what}", soft_wrap=True)
    table = plain_table(
        "strategy", "predicted", "counted", "KiB", "weights", "spilled", "reloaded", "hidden", "local", "time", "exact"
    )
    for row in rows:
        t = row.traffic
        sizes = (row.bytes, t["weights"] + t["parameters"], t["spilled"], t["reloaded"])
        table.add_row(
            escape(row.strategy), f"{row.predicted:,}", "" if row.cycles is None else f"{row.cycles:,}", *_kib(*sizes),
            f"{row.overlap:.0%}", *_kib(sum(row.local.values())), f"{row.compile_seconds:.1f} s",
            "" if row.exact is None else verdict(row.exact),
        )  # fmt: skip
    half = bound.intermediate // 2
    table.add_row("bound", f"{bound.cycles:,}", "", *_kib(bound.traffic, bound.weights, half, half))
    out.print(table)
    for name, why in failures.items():
        out.print(f"[red]{escape(name)}[/red]: {escape(why)}", soft_wrap=True)
    where = "" if on == NOT_RUN else f"; counted on {escape(on)}"
    out.print(
        f"\nKiB: through the external bus, in one inference; local: of the core's memories. hidden: of the shorter of "
        f"computing and moving.\n"
        f"bound: {bound.compute:,} cycles of computing with every multiplier at work, {bound.bus:,} of moving "
        f"compulsory bytes{where}.",
        soft_wrap=True,
    )


def _kib(*sizes: int) -> tuple[str, ...]:
    return tuple(f"{size / 1024:,.0f}" for size in sizes)
