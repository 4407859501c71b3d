# SPDX-License-Identifier: Apache-2.0
"""``celosia compile``: a network as a program file that a device loads and runs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from celosia import compiler
from celosia.arch.isa import COMMAND_BYTES
from celosia.model import load

from . import console, options
from .configuration import DEFAULT, parse_config
from .external import parse_external
from .files import check_writable

__all__ = ["compile_"]


def compile_(
    model: options.Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="P", help="The program file to write.")],
    config: options.Config = DEFAULT,
    memory: options.Memory = "local",
    external: options.External = "",
    strategy: options.Strategy = None,
    as_json: options.AsJson = False,
) -> None:
    """Compile a network for a configuration."""
    core = parse_config(config)
    check_writable(output)
    timing = parse_external(external, bus_bits=core.bus_bits).timing
    program = compiler.compile(load(model), core, memory=memory, strategy=strategy, timing=timing)
    program.save(output)
    facts = {
        "model": str(model),
        "config": core.name,
        "memory": memory,
        "output": str(output),
        "commands": len(program.commands) // COMMAND_BYTES,
        "weight_bytes": len(program.weights),
        "predicted": program.predicted,
        "strategy": program.strategy,
        "traffic": program.traffic,
        "local": program.local,
        "macs": program.macs,
    }
    if as_json:
        console.print_json(facts)
        return
    console.out().print(
        f"{escape(str(output))}: {facts['commands']} commands, {facts['weight_bytes']:,} bytes of weights, "
        f"{program.predicted:,} cycles predicted on {core.name}",
        soft_wrap=True,
    )
