# SPDX-License-Identifier: Apache-2.0
"""``celosia bench models``: cycles of networks, counted, predicted and ideal."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from celosia.arch.config import Config
from celosia.bench import ModelFigures
from celosia.bench.plot import plot
from celosia.demo import MODEL

from .. import console
from ..configuration import DEFAULT
from ..options import AsJson, On
from .measuring import Failure, expand, measure_all, print_failures
from .options import Configs, Plot, check_picture, configurations
from .tables import layer_table, model_table

__all__ = ["models"]

Rows = list[ModelFigures | Failure]


def models(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="MODEL.tflite …", help="Networks, or folders of them. Default: the digits of the demo."),
    ] = None,
    config: Configs = None,
    on: On = "functional",
    layers: Annotated[bool, typer.Option("--layers", help="Every layer of every network, too.")] = False,
    picture: Plot = None,
    as_json: AsJson = False,
) -> int:
    """Measure networks: cycles counted, predicted and ideal, and whether every output bit is right."""
    check_picture(picture)
    cores = configurations(config, (DEFAULT,))
    networks = [(path.stem, path) for path in expand(paths or [MODEL])]
    results = [(core, measure_all(networks, core, on)) for core in cores]
    measured = [(core, row) for core, rows in results for row in rows if isinstance(row, ModelFigures)]
    if picture is not None:
        plot(measured, picture)
    if as_json:
        console.print_json({"on": on, "configs": [_as_json(core, rows) for core, rows in results]})
    else:
        _print(results, on, layers)
    return 0 if all(figures.exact for _, figures in measured) else 1


def figures_json(figures: ModelFigures) -> dict[str, Any]:
    """A measurement for ``--json``: its fields, and what follows from them."""
    value = dataclasses.asdict(figures)
    value |= {"ideal": figures.ideal, "utilization": figures.utilization, "host_macs": figures.host_macs}
    value["layers"] = [dataclasses.asdict(layer) | {"intensity": layer.intensity} for layer in figures.layers]
    return value


def _as_json(core: Config, rows: Rows) -> dict[str, Any]:
    head = {"config": core.name, "rows": core.rows, "columns": core.columns}
    values = [{"model": row.model, "error": row.why} if isinstance(row, Failure) else figures_json(row) for row in rows]
    return head | {"models": values}


def _print(results: list[tuple[Config, Rows]], on: str, layers: bool) -> None:
    out = console.out()
    for index, (core, rows) in enumerate(results):
        if index:
            out.print()
        out.print(f"[bold]{escape(core.name)}[/bold]: {core.rows}x{core.columns}, {on}", soft_wrap=True)
        measured = [row for row in rows if isinstance(row, ModelFigures)]
        out.print(model_table(measured))
        print_failures(out, [row for row in rows if isinstance(row, Failure)])
        for row in measured if layers else []:
            out.print(f"\n[bold]{escape(row.model)}[/bold] on {escape(core.name)}", soft_wrap=True)
            out.print(layer_table(row))
    out.print(
        "\ncycles: counted, one inference, without what the host computed. ideal: MACs / multipliers. exact: every "
        "output bit is the golden model's."
    )
