# SPDX-License-Identifier: Apache-2.0
"""``celosia run``: a network on a device, compared with the golden model."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from celosia import compiler
from celosia.model import load
from celosia.runtime import Program

from . import console, options
from .configuration import DEFAULT, parse_config
from .errors import ArgumentError
from .external import parse_external
from .files import check_writable, random_inputs, read_inputs, write_npz
from .job import Job
from .table import layer_table, summary

__all__ = ["run"]

ZIP_MAGIC = b"PK"  # compiled programs are zip archives; a .tflite has its identifier in bytes 4 to 7


def run(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="An int8 .tflite network, or a program made by celosia compile."),
    ],
    input_: Annotated[
        Path | None,
        typer.Option(
            "--input",
            metavar="X.npy",
            help="One input or a batch; for several inputs, X.npz with in0, in1, …",
        ),
    ] = None,
    random: Annotated[
        int | None, typer.Option(metavar="SEED", help="A random input (the default, with seed 0).", min=0)
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{options.CONFIG_HELP} Default: {DEFAULT}.")
    ] = None,
    on: options.On = "functional",
    memory: options.Memory = "local",
    external: options.External = "",
    strategy: options.Strategy = None,
    output: Annotated[Path | None, typer.Option(metavar="Y.npz", help="Write the outputs: out0, out1, …")] = None,
    wave: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a simulation's waveform (VCD).")] = None,
    as_json: options.AsJson = False,
) -> int:
    """Run a network on a device, and compare every bit of its outputs with the golden model."""
    if input_ is not None and random is not None:
        raise ArgumentError("--input and --random exclude each other: give one of them")
    check_writable(output)
    check_writable(wave)
    job = _prepare(model, config, memory, strategy, external, input_, random or 0)
    job.execute(on, wave, external)
    if output is not None:
        write_npz(output, job.outputs())
    if as_json:
        head = {"model": str(model), "config": job.program.config.name, "on": on, "n": len(job.results)}
        console.print_json(head | {"exact": job.exact} | summary(job.results[0]))
    else:
        _print(job, model, on)
    return 1 if job.exact is False else 0


def _prepare(
    model: Path, config: str | None, memory: str, strategy: str | None, external: str, input_: Path | None, seed: int
) -> Job:
    """The program and its inputs, before any device is opened."""
    with open(model, "rb") as file:
        compiled = file.read(len(ZIP_MAGIC)) == ZIP_MAGIC
    if compiled:
        graph, program = None, Program.load(model)
        made_for = program.config
        if config is not None and parse_config(config).hash != made_for.hash:
            raise ArgumentError(
                f"{model}: compiled for {made_for.name}, not {config}: leave out --config, or compile for {config}"
            )
    else:
        graph = load(model)
        core = parse_config(config or DEFAULT)
        timing = parse_external(external, bus_bits=core.bus_bits).timing
        program = compiler.compile(graph, core, memory=memory, strategy=strategy, timing=timing)
    if input_ is not None:
        return Job(program, graph, read_inputs(input_, program.inputs))
    return Job(program, graph, random_inputs(seed, program.inputs))


def _print(job: Job, model: Path, on: str) -> None:
    out, config = console.out(), job.program.config
    out.print(layer_table(out, job.results[0]))
    count = len(job.results)
    runs = "1 inference" if count == 1 else f"{count} inferences"
    out.print(
        f"\n{escape(str(model))}: {runs} on {config.name} ({config.rows}x{config.columns}), {on}.",
        soft_wrap=True,
    )
    if job.exact is None:
        out.print("Not compared with the golden model: a program does not hold the network it came from.")
    elif job.exact:
        out.print("[green]Exact[/green]: every output bit equals the golden model's.")
    else:
        out.print("[bold red]Not exact[/bold red]: output bits differ from the golden model's: a bug.")
