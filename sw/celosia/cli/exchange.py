# SPDX-License-Identifier: Apache-2.0
"""``celosia export`` and ``celosia import``: workloads and mappings in the files of other tools."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from celosia.exchange import export, network_of, read
from celosia.exchange.files import Exported, export_mapped
from celosia.model import load, save

from . import console, options
from .configuration import parse_config
from .errors import ArgumentError
from .external import parse_external
from .files import check_writable

__all__ = ["export_", "import_"]

CORE = "c256-small"
MEMORY = "latency=30"


def export_(
    model: options.Model,
    form: Annotated[
        Literal["scalesim", "timeloop", "zigzag"], typer.Option("--format", help="Whose files: docs/exchange.md.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A file; of several files, a folder, which is made. Default: one file goes to stdout.",
        ),
    ] = None,
    mapping: Annotated[
        bool, typer.Option("--mapping", help="With how Celosia tiles each layer, and the core (timeloop, zigzag).")
    ] = False,
    strategy: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="With --mapping: one that treats each layer alone. Default: the fastest of those."
        ),
    ] = None,
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"With --mapping. {options.CONFIG_HELP} Default: {CORE}.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(metavar="FIELDS", help=f"With --mapping: the external memory, as in bench tiling; {MEMORY}."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Write a network's layers, and how they are tiled, for SCALE-Sim, Timeloop or ZigZag."""
    if not mapping and (strategy or config or memory):
        raise ArgumentError("--strategy, --config and --memory are about a mapping: add --mapping")
    several = mapping or form == "timeloop"
    if several and output is None:
        raise ArgumentError(f"{form} needs several files: name a folder with --output")
    _check_output(output, several)
    graph = load(model)
    if mapping:
        core = parse_config(config or CORE)
        timing = parse_external(memory or MEMORY, bus_bits=core.bus_bits).timing
        files, used = export_mapped(graph, form, core, timing, strategy)
    else:
        files, used = export(graph, form), None
    if output is None and not as_json:
        print(*files.values(), sep="", end="")
        return
    written = _write(files, output, several)
    if as_json:
        facts = {"model": str(model), "format": form, "files": written, "strategy": used}
        console.print_json(facts if output is not None else facts | {"text": "".join(files.values())})
        return
    how = "" if used is None else f", tiled by {used}"
    what = f"{len(written)} files for {form}" if several else f"for {form}"
    console.out().print(f"{escape(str(output))}: {what}{escape(how)}", soft_wrap=True)


def _check_output(output: Path | None, folder: bool) -> None:
    if output is None or not folder:
        check_writable(output)
    elif output.exists() and not output.is_dir():
        raise ArgumentError(f"{output}: is a file: name a folder, which need not be there yet")
    else:
        check_writable(output / "file" if output.is_dir() else output)


def _write(files: Exported, output: Path | None, several: bool) -> list[str]:
    if output is None:
        return []
    if not several:
        (text,) = files.values()
        output.write_text(text, encoding="utf-8")
        return [str(output)]
    output.mkdir(exist_ok=True)
    for name, text in files.items():
        (output / name).write_text(text, encoding="utf-8")
    return [str(output / name) for name in files]


def import_(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A SCALE-Sim topology (.csv), a ZigZag workload, a Timeloop problem (.yaml), or a folder of problems.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="MODEL.tflite", help="Default: FILE's name with .tflite, here."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="SEED", min=0, help="What weights are drawn from.")] = 0,
    as_json: options.AsJson = False,
) -> None:
    """Make an int8 network of another tool's layers, to be run, raced and measured like any other."""
    target = Path(f"{file.stem or 'workload'}.tflite") if output is None else output
    check_writable(target)
    form, layers = read(file)
    graph = network_of(layers, target.stem, seed)
    save(graph, target)
    facts = {
        "file": str(file),
        "format": form,
        "output": str(target),
        "layers": len(layers),
        "macs": graph.total_macs(),
        "inputs": len(graph.inputs),
        "outputs": len(graph.outputs),
    }
    if as_json:
        console.print_json(facts)
        return
    chain = "one chain" if len(graph.inputs) == 1 else f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
    console.out().print(
        f"{escape(str(target))}: {len(layers)} layers of {form}, {facts['macs']:,} MACs, {chain}", soft_wrap=True
    )
