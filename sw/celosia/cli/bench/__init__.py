# SPDX-License-Identifier: Apache-2.0
"""``celosia bench``: what it costs, how it is best tiled, how fast it simulates, and how others do."""

import typer

from . import models, peers, simulators, tiling

__all__ = ["app"]

app = typer.Typer(name="bench", help="Measure: networks, tilings, simulators, and other accelerators beside this one.")
app.command("models")(models.models)
app.command("simulators")(simulators.simulators)
app.command("tiling")(tiling.tiling)
app.command("peers")(peers.peers)


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
