# SPDX-License-Identifier: Apache-2.0
"""``celosia fuzz``: random networks on random cores, run on gateware and compared with everything that knows better."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from . import console, options
from .configuration import parse_config
from .errors import ArgumentError
from .files import check_writable

if TYPE_CHECKING:
    from celosia.fuzz.campaign import Finding, Report

    Kept = list[tuple[Finding, str]]

__all__ = ["fuzz"]

NEEDED = ("hypothesis", "distributed")


def fuzz(
    minutes: Annotated[float, typer.Option(help="How long new work is begun.", min=0)] = 1.0,
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{options.CONFIG_HELP} Default: a random core every time.")
    ] = None,
    cases: Annotated[int, typer.Option(help="Cases on one core, before the next is built.", min=1)] = 150,
    seed: Annotated[int, typer.Option(help="Where to begin; equal seeds draw equal cases.", min=0)] = 0,
    on: Annotated[
        Literal["functional", "verilator"], typer.Option(help="What runs the programs, beside the golden model.")
    ] = "verilator",
    jobs: Annotated[int | None, typer.Option(help="Local processes; one a core by default.", min=1)] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="An existing Dask cluster to work on instead.")
    ] = None,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Where failing cases are kept.")] = Path("fuzz"),
    as_json: options.AsJson = False,
) -> int:
    """Look for a network, core, memory and tiling on which anything disagrees; keep the smallest there is."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ArgumentError(f"fuzz needs {' and '.join(missing)}: pip install 'celosia[fuzz]'")
    core = None if config is None else parse_config(config)
    check_writable(output.parent / output.name / "case" if output.is_dir() else output)
    from celosia.fuzz import campaign  # needs the extra

    total, seconds = campaign.Report(), round(60 * minutes)
    work = campaign.units(seed, core, cases, on)
    with console.counting("fuzzing", seconds, "seconds") as show:
        for report in campaign.run_units(
            work, seconds, jobs=jobs, scheduler=scheduler, beat=lambda passed: show(int(passed))
        ):
            total.add(report)
    kept = campaign.save_findings(total, output)
    if as_json:
        console.print_json(_facts(total, kept))
    else:
        _print(total, kept)
    return 1 if kept else 0


def _facts(total: "Report", kept: "Kept") -> dict[str, Any]:
    seen, pairs = total.coverage.pairs()
    return {
        "cases": total.cases,
        "cores": total.units,
        "unfit": sum(total.unfit.values()),
        "findings": [{"message": finding.message, "command": command} for finding, command in kept],
        "holes": total.coverage.holes(),
        "pairs": [seen, pairs],
        "features": dict(sorted((k, v) for k, v in total.coverage.items() if " × " not in k)),
    }


def _print(total: "Report", kept: "Kept") -> None:
    out = console.out()
    seen, pairs = total.coverage.pairs()
    unfit = sum(total.unfit.values())
    out.print(
        f"{total.cases:,} cases on {total.units} cores compared ({unfit} networks were too large for theirs), "
        f"{len(kept)} disagree.",
        soft_wrap=True,
    )
    out.print(f"{seen} of {pairs} pairs of features came together (not all can).")
    holes = total.coverage.holes()
    if holes:
        out.print(f"Never exercised: {escape('; '.join(holes))}.", soft_wrap=True)
    for finding, command in kept:
        out.print(f"\n[bold red]{escape(finding.message)}[/bold red]\n{escape(command)}", soft_wrap=True)
