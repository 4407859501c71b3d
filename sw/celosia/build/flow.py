# SPDX-License-Identifier: Apache-2.0
"""From a board to its bitstream: elaborate, synthesize once, place and route from several seeds, pack the best."""

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from celosia.arch.config import Config
from celosia.boards import Board
from celosia.boards.top import System, Top
from celosia.gateware.family import Family

from .carries import trim_file
from .errors import BuildError
from .fits import check_fits, count_cells
from .place import Placed, best, place_seeds
from .plan import TOP, Plan, make_plan
from .process import run_tool
from .replicate import replicate_file
from .settings import ROUTER, set_file
from .sites import FLOORS, place_file
from .tools import versions

__all__ = ["Built", "build", "cache_folder"]

Tell = Callable[[str], None]

NETLISTS = 4
"""Kept of each board. They, and a placed design, take some hundred megabytes."""


@dataclass(frozen=True)
class Built:
    """A bitstream and what is known of it.

    Parameters
    ----------
    board, config, clock_hz, baud:
        What was built.
    seeds:
        The results of all seeds.
    chosen:
        The one whose bitstream it is.
    tools:
        Versions, by distribution.
    bitstream:
        The file, in the work folder.
    placed_design:
        Every cell with its place, as nextpnr wrote it.
    seconds:
        How long each step took.
    """

    board: Board
    config: Config
    clock_hz: int
    baud: int
    seeds: tuple[Placed, ...]
    chosen: Placed
    tools: dict[str, str]
    bitstream: Path
    placed_design: Path
    seconds: dict[str, float]

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.bitstream.read_bytes()).hexdigest()


def cache_folder() -> Path:
    """Where builds are made and kept: ``CELOSIA_CACHE``, or the user's cache folder of this system."""
    return Path(os.environ.get("CELOSIA_CACHE") or platformdirs.user_cache_path("celosia")) / "build"


def build(
    board: Board,
    *,
    config: Config | None = None,
    clock_hz: float | None = None,
    baud: int | None = None,
    seeds: Sequence[int] = (1,),
    jobs: int | None = None,
    tell: Tell = lambda text: None,
) -> Built:
    """Build a board's bitstream.

    Parameters
    ----------
    config, clock_hz, baud:
        Other than the board's own.
    seeds:
        Of placing and routing; the fastest result is taken.
    jobs:
        How many seeds at a time: by default, as many as there are cores.
    tell:
        Called with a few words about each step that begins.

    Raises
    ------
    BuildError
        A tool is missing or fails, the design does not fit, or the clock is not met.
    ClockError, BoardError
        As :meth:`.System.of`.
    """
    tools = versions(board.part.family)
    system = System.of(board, config=config, clock_hz=clock_hz, baud=baud)
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(name: str, text: str) -> Iterator[None]:
        tell(text)
        begin = time.monotonic()
        yield
        seconds[name] = time.monotonic() - begin

    with step("elaborate", f"elaborating {system.config.name} for {board.name}"):
        plan = make_plan(board.part.family, board.platform(), Top(system), clock_hz=system.clock_hz)
        check_fits(board.part, count_cells(plan.files[f"{TOP}.il"]))
    cache = cache_folder() / board.name
    with step("synthesize", "synthesizing"):
        folder = synthesize(plan, cache, tools, board.part.name, system.config.weight_rows)
    with step("place and route", f"placing and routing from {_count(seeds)}"):
        placed = place_seeds(
            plan,
            folder,
            seeds,
            jobs or os.cpu_count() or 1,
            note=lambda seed, phase: tell(f"seed {seed}: {phase}"),
            done=lambda result: tell(f"seed {result.seed}: {result.report.fmax_hz / 1e6:.1f} MHz"),
        )
    chosen = best(placed)
    check_clock(chosen, system.clock_hz)
    with step("pack", "packing the bitstream"):
        bitstream = pack(plan, folder, chosen)
    tidy(cache, folder, chosen)
    return Built(
        board,
        system.config,
        system.clock_hz,
        system.baud,
        tuple(placed),
        chosen,
        tools,
        bitstream,
        chosen.folder / plan.placed_design,
        seconds,
    )


def _count(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds"


def check_clock(placed: Placed, clock_hz: int) -> None:
    """See that the fastest result is fast enough.

    Raises
    ------
    BuildError
        It is not; the message has the path that limits it.
    """
    fmax = placed.report.fmax_hz
    if fmax < clock_hz:
        raise BuildError(
            f"the clock is not met: {fmax / 1e6:.1f} MHz of {clock_hz / 1e6:g} MHz, limited by {placed.report.path}: "
            f"try more --seeds, or --clock {int(fmax / 1e6)} (the folder of the build: {placed.folder})"
        )


def synthesize(plan: Plan, cache: Path, tools: dict[str, str], part: str = "", weight_rows: int = 1) -> Path:
    """The folder with the netlist, made now or found in the cache; seeds share it.

    That of an ECP5 is improved: carry chains trimmed, hard blocks placed, drivers of many inputs replicated, the router
    set.

    Parameters
    ----------
    part:
        Name of the FPGA, for what there is for some of them: a floor plan, and settings of the router.
    weight_rows:
        Of the array, for the floor plan.

    Raises
    ------
    BuildError
        Yosys fails.
    """
    improve = plan.family is Family.ECP5
    folder = cache / f"{plan.key}-pyosys-{tools['pyosys']}{f'-improved-{_passes()}' if improve else ''}"
    if folder.exists():
        folder.touch()  # used last, so kept longest
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="synthesizing-", dir=cache))
    for name, text in plan.files.items():
        (scratch / name).write_text(text, encoding="utf-8")
    run_tool("yosys", [f"{TOP}.ys"], scratch, scratch / "synthesis.log")
    if improve:
        trim_file(scratch / f"{TOP}.json")
        if floor := FLOORS.get(part):
            place_file(scratch / f"{TOP}.json", floor, weight_rows)
        replicate_file(scratch / f"{TOP}.json")
        if settings := ROUTER.get(part):
            set_file(scratch / f"{TOP}.json", settings)
    with contextlib.suppress(OSError):  # somebody else has built the same meanwhile
        scratch.rename(folder)
    return folder


def _passes() -> str:
    """A hash of what happens to a netlist behind yosys."""
    sources = (
        Path(__file__).with_name(name).read_bytes()
        for name in ("carries.py", "replicate.py", "settings.py", "sites.py", "springs.py")
    )
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]


def tidy(cache: Path, folder: Path, chosen: Placed) -> None:
    """Remove what is not needed again: the other seeds' results, and all but the netlists used last."""
    for seed in folder.glob("seed*"):
        if seed != chosen.folder:
            shutil.rmtree(seed, ignore_errors=True)
    by_age = sorted(cache.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in by_age[NETLISTS:]:
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)


def pack(plan: Plan, folder: Path, placed: Placed) -> Path:
    """The bitstream of a placed and routed design.

    Raises
    ------
    BuildError
        The packer fails.
    """
    own = placed.folder.name
    outputs = {f"{TOP}.config", f"{TOP}.asc", f"{TOP}.pnr.json", f"{TOP}.bit", f"{TOP}.bin", f"{TOP}.fs", f"{TOP}.svf"}
    arguments = [f"{own}/{argument}" if argument in outputs else argument for argument in plan.pack[1:]]
    run_tool(plan.pack[0], arguments, folder, placed.folder / "pack.log")
    result = placed.folder / plan.bitstream
    if not result.exists():
        raise BuildError(f"{plan.pack[0]} wrote no {plan.bitstream} (what it said: {placed.folder / 'pack.log'})")
    return result
