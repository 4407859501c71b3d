# SPDX-License-Identifier: Apache-2.0
"""The README's picture: ``python docs/picture.py`` runs ``celosia demo`` and writes docs/demo.svg."""

from pathlib import Path

from rich.console import Console

from celosia.cli import console, main

screen = Console(record=True, width=80, force_terminal=True, color_system="truecolor", highlight=False)
console.out = lambda: screen
main.main(["demo"])
screen.save_svg(str(Path(__file__).parent / "demo.svg"), title="celosia demo", unique_id="demo")
