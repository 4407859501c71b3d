# SPDX-License-Identifier: Apache-2.0
"""What is to be built: Amaranth's build plan of a board, taken apart into its steps."""

import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from amaranth.back import rtlil  # type: ignore[attr-defined] # which the stubs leave out
from amaranth.hdl import Elaboratable
from amaranth.lib.wiring import Component

from celosia.gateware.family import Device, Family, SimulatedPlatform

from .errors import BuildError

__all__ = ["TOP", "Plan", "make_netlist_plan", "make_plan"]

TOP = "top"
"""Name of the design, in every file."""

_SYNTHESIS = {
    # Yosys' own choices: LUTs of five inputs and more made of the slices' multiplexers, and no retiming by abc9.
    # On the serial link alone (LFE5U-25F, speed grade 6), 723 LUTs and 181 MHz; 666 and 155 with -nowidelut.
    Family.ECP5: "",
    # A tile's eight registers share their clock enable: few of a kind leave the rest of a tile unused.
    Family.ICE40: "-dsp -device u -dffe_min_ce_use 5",
    Family.GOWIN: "-family gw2a",
}

_SYNTHESIZER = {
    Family.ECP5: "synth_ecp5",
    Family.ICE40: "synth_ice40",
    Family.GOWIN: "synth_gowin -noiopads",  # the others make no pads either, where nobody asks for pins
}

_PLACEMENT = {
    # For a design that has all multipliers and block RAMs and so spreads over the whole FPGA, the electrostatic placer
    # needs less wire than the default one, whose refinement hardly ends. The router takes wires that are late for such
    # that are none: without that, the detour of a single wire can decide the clock.
    Family.ECP5: "--placer static --router router2 --tmg-ripup",
    # The placer spreads cells out to 90 % of a region: too few where the whole chip is nearly as full.
    Family.ICE40: "--placer-heap-beta 0.93",
    Family.GOWIN: "",
}


_AFTER_READ = "setattr -unset init a:celosia_undefined"
"""Registers that the gateware marks so have no initial value: logic would be needed where block RAM has none."""

_BRACKETED = re.compile(r"\\\S*\[\S*")


@dataclass(frozen=True)
class Plan:
    """Files and commands of a build.

    Parameters
    ----------
    family:
        Of the FPGA.
    files:
        Text by name.
    synthesize, place, pack:
        A command each: the tool by Amaranth's name, and its arguments. The last two are empty where the netlist is all.
    bitstream:
        The file that comes out at the end; empty likewise.
    clock_hz:
        What the clocks are held to; 0 likewise.
    """

    family: Family
    files: dict[str, str]
    synthesize: list[str]
    place: list[str]
    pack: list[str]
    bitstream: str
    clock_hz: float = 0

    @property
    def placed_design(self) -> str:
        """The file in which nextpnr writes where everything is."""
        return self.place[self.place.index("--write") + 1] if "--write" in self.place else f"{TOP}.pnr.json"

    @property
    def key(self) -> str:
        """A hash of all that is built, before the tools have a say."""
        digest = hashlib.sha256()
        for part in (*self.files, *self.files.values(), *self.synthesize):
            digest.update(f"{len(part)}:".encode() + part.encode())
        return digest.hexdigest()[:16]


def make_plan(family: Family, platform: Any, top: Elaboratable, *, clock_hz: float) -> Plan:
    """Elaborate `top` for an Amaranth platform.

    Nothing in the result says when, where or from which folder it was made.

    Parameters
    ----------
    platform:
        As fresh as its factory makes it: a platform is good for one build.
    clock_hz:
        What the clocks that have no constraint of their own are held to.
    """
    with _plain_environment(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the board files, which nobody here can act upon
        made = platform.prepare(
            top,
            TOP,
            emit_src=False,
            script_after_read=_AFTER_READ,
            synth_opts=_SYNTHESIS[family],
            nextpnr_opts=f"--freq {clock_hz / 1e6:g} {_PLACEMENT[family]}".rstrip(),
        )
    files = {name: text if isinstance(text, str) else text.decode() for name, text in made.files.items()}
    commands = json.loads(files[f"build_{TOP}.json"])["commands"]
    kept = {
        name: _without_brackets(text) if name.endswith(".il") else text
        for name, text in files.items()
        if not name.startswith("build_") and ".debug." not in name
    }
    if len(commands) != 3:
        raise BuildError(f"the build plan for {family.value} has {len(commands)} steps, not 3: update celosia")
    synthesize, place, pack = commands
    bitstream = next(name for name in pack if name in {f"{TOP}.bit", f"{TOP}.bin", f"{TOP}.fs"})
    place = _modern(place) if family is Family.GOWIN else place
    return Plan(family, kept, synthesize, place, pack, bitstream, clock_hz)


def make_netlist_plan(component: Component, device: Device) -> Plan:
    """A plan that ends with the netlist (``top.json``) of one component, whose members are its ports.

    It has the same synthesis as a board's, but no pins, no PLL and nothing to place.
    """
    family = device.family
    text = rtlil.convert(component, name=TOP, emit_src=False, platform=SimulatedPlatform(device))
    script = (
        f"read_rtlil {TOP}.il",
        _AFTER_READ,
        f"{_SYNTHESIZER[family]} {_SYNTHESIS[family]} -top {TOP}",
        f"write_json {TOP}.json",
    )
    files = {f"{TOP}.il": _without_brackets(text), f"{TOP}.ys": "\n".join(script) + "\n"}
    return Plan(family, files, ["yosys", f"{TOP}.ys"], [], [], "")


def _without_brackets(text: str) -> str:
    """RTLIL whose identifiers have no brackets: ``\\sums[3]`` becomes ``\\sums.3``.

    Yosys' abc9 names single bits that way, and stops where a field of a structure has such a name already
    (YosysHQ/yosys#4349). A bit of a wire is written with a space, so it stays.
    """
    return _BRACKETED.sub(lambda match: match[0].replace("[", ".").replace("]", ""), text)


def _modern(place: list[str]) -> list[str]:
    """Amaranth's arguments for the old nextpnr-gowin as nextpnr-himbaechel takes them."""
    result: list[str] = []
    options = {"--family": "family", "--cst": "cst"}
    arguments = iter(place)
    for argument in arguments:
        result += ["--vopt", f"{options[argument]}={next(arguments)}"] if argument in options else [argument]
    return result


@contextmanager
def _plain_environment() -> Iterator[None]:
    """Without the variables by which Amaranth lets users change a plan: the bitstream is to be the same everywhere."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("AMARANTH_")}
    try:
        yield
    finally:
        os.environ.update(hidden)
