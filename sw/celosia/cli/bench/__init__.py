# SPDX-License-Identifier: Apache-2.0
"""``celosia bench``: what it costs, how fast it simulates, and how others do."""

import typer

from . import models, peers, simulators

__all__ = ["app"]

app = typer.Typer(name="bench", help="Measure: networks, simulators, and other accelerators beside this one.")
app.command("models")(models.models)
app.command("simulators")(simulators.simulators)
app.command("peers")(peers.peers)


@app.callback(invoke_without_command=True)
def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
