# SPDX-License-Identifier: Apache-2.0
"""``celosia bench simulators``: cycles a second, of every simulator that can be used here."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from celosia import compiler
from celosia.arch.config import Config
from celosia.bench.simulators import Opening, Speeds, empty_cache, speeds
from celosia.demo import MODEL
from celosia.model import load
from celosia.runtime import Program
from celosia.sim import SIMULATORS, available, unavailable

from .. import console
from ..configuration import DEFAULT
from ..files import random_inputs
from ..options import AsJson
from .options import Configs, configurations
from .tables import plain_table

__all__ = ["simulators"]


def simulators(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL.tflite", help="The network they run. Default: the digits of the demo.")
    ] = MODEL,
    config: Configs = None,
    on: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help=f"Of {', '.join(SIMULATORS)}; may be given several times. Default: all."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Time for each turn of each simulator.", min=0.01)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Turns of each.", min=1)] = 5,
    cold: Annotated[bool, typer.Option("--cold", help="Build anew, in a cache of its own, and say how long.")] = False,
    as_json: AsJson = False,
) -> None:
    """Race the simulators on one network, in turns; and the simulated core against its bare array."""
    graph = load(model)
    names = list(dict.fromkeys(on or available()))
    missing = {} if on else unavailable()
    results: list[tuple[Program, Speeds]] = []
    for core in configurations(config, (DEFAULT,)):
        program = compiler.compile(graph, core)
        with empty_cache() if cold else nullcontext(), _showing(core) as (report, progress):
            inputs = random_inputs(0, program.inputs).inferences[0]
            racers = speeds(program, inputs, names, rounds=rounds, seconds=seconds, report=report, progress=progress)
        results.append((program, racers))
    if as_json:
        values = [_as_json(program, result) for program, result in results]
        console.print_json({"model": str(model), "unavailable": missing, "configs": values})
    else:
        _print(model, results, missing)


@contextmanager
def _showing(core: Config) -> Iterator[tuple[Callable[[str], None], Callable[[int, int], None]]]:
    """On stderr, what takes long, and how far the race is."""
    screen = console.err()
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"opening simulators for {core.name}", total=None)

        def report(line: str) -> None:
            bar.update(task, description=line)
            if not screen.is_terminal:
                screen.print(line, soft_wrap=True)

        yield report, lambda done, turns: bar.update(task, description="running", completed=done, total=turns)


def _as_json(program: Program, result: Speeds) -> dict[str, Any]:
    return {
        "config": program.config.name,
        "cycles": program.predicted,
        **dataclasses.asdict(result),
        "ratio": result.ratio,
    }


def _print(model: Path, results: list[tuple[Program, Speeds]], missing: dict[str, str]) -> None:
    out = console.out()
    for index, (program, result) in enumerate(results):
        core = program.config
        if index:
            out.print()
        out.print(
            f"[bold]{escape(model.stem)}[/bold] on {escape(core.name)} ({core.rows}x{core.columns}), "
            f"{program.predicted:,} cycles an inference",
            soft_wrap=True,
        )
        table = plain_table("simulator", "build", "open", "cycles/s", "inferences/s")
        for simulator in result.simulators:
            speed = f"{simulator.cycles_per_second:,.0f}", _figures(simulator.inferences_per_second)
            table.add_row(simulator.name, *_opening(simulator.opening), *speed)
        if result.array is not None and result.array_opening is not None:
            table.add_row("verilator, clock alone", "", "", f"{result.core:,.0f}", "")
            table.add_row("verilator, bare array", *_opening(result.array_opening), f"{result.array:,.0f}", "")
        out.print(table)
        if result.ratio is not None:
            low, high = min(result.ratios), max(result.ratios)
            out.print(
                f"The core's clock runs {result.ratio:.3f} times as fast as the bare array's "
                f"({low:.3f} to {high:.3f} in {len(result.ratios)} rounds)."
            )
    for name, why in missing.items():
        out.print(f"{name}: {escape(why)}", soft_wrap=True)
    out.print(
        "\nbuild: once, then kept (empty: it was there, see --cold). cycles/s and inferences/s: with what the host "
        "does for them; functional has no clock, its cycles are the predicted ones."
    )


def _opening(opening: Opening) -> tuple[str, str]:
    return "" if opening.built is None else f"{opening.built:.1f} s", f"{opening.opened:.2f} s"


def _figures(value: float) -> str:
    """Three figures."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
