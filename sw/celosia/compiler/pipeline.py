# SPDX-License-Identifier: Apache-2.0
"""From a graph to a program: the passes in order, with the verifier between them.

legalize → place → fit → layout → lower, then for each tiling strategy tile → segment → allocate → schedule → emit.
"""

from collections.abc import Callable, Mapping
from functools import partial

from celosia.arch.config import Config
from celosia.model.graph import Graph
from celosia.runtime.program import Program

from .errors import CompileError
from .ir import Module
from .passes.allocate import allocate
from .passes.emit import emit
from .passes.fit import fit
from .passes.layout import layout
from .passes.legalize import legalize
from .passes.lower import lower
from .passes.place import CheckRow, place, refuse_unsupported, rows
from .passes.schedule import schedule
from .passes.segment import segment
from .passes.tile import tile
from .strategies import STRATEGIES, Strategy, largest
from .verify import verify

__all__ = ["MEMORIES", "analyze", "check", "compile"]

MEMORIES = ("local", "external")
"""Where inputs, outputs and the images of the memories are."""

_FRONT: tuple[tuple[str, Callable[[Module], Module]], ...] = (
    ("place", place),
    ("fit", fit),
    ("layout", layout),
    ("lower", lower),
)

_BACK: tuple[tuple[str, Callable[[Module], Module]], ...] = (
    ("segment", segment),
    ("allocate", allocate),
    ("schedule", schedule),
)


def analyze(
    graph: Graph,
    config: Config,
    *,
    memory: str = "local",
    strategy: Strategy = largest,
    last: str = "schedule",
) -> Module:
    """The module as pass ``last`` leaves it, every pass verified; see :func:`compile`.

    Passes are legalize, place, fit, layout, lower, tile, segment, allocate, schedule.
    """
    if memory not in MEMORIES:
        raise ValueError(f"memory must be one of {', '.join(MEMORIES)}, not {memory!r}")
    if memory == "external" and not config.external:
        raise CompileError(f"{config.name} has no external memory (external=False): compile with memory='local'")
    graph.check_int8()
    graph.validate()
    module = verify("legalize", legalize(graph, config, memory))
    for name, run in (*_FRONT, *_back(strategy)) if last != "legalize" else ():
        if name == "lower":
            refuse_unsupported(module)
        module = verify(name, run(module))
        if name == last:
            break
    return module


def _back(strategy: Strategy) -> tuple[tuple[str, Callable[[Module], Module]], ...]:
    """The passes that depend on how layers are tiled."""
    return (("tile", partial(tile, strategy=strategy)), *_BACK)


def compile(
    graph: Graph, config: Config, *, memory: str = "local", strategies: Mapping[str, Strategy] = STRATEGIES
) -> Program:
    """A network as a program for one core.

    Parameters
    ----------
    graph:
        An int8 network.
    memory:
        "local": the host loads every memory through its window, writes inputs into the activation memory and
        reads outputs from it. "external": a setup segment loads weights and parameters from external memory
        once, and each inference loads its inputs from there and stores its outputs there, inside its cycles.
    strategies:
        Ways to tile; the one whose program is predicted to take the fewest cycles wins, of equals the first.

    Raises
    ------
    CompileError
        An operator runs nowhere, or a memory is too small with every strategy.
    ModelError
        The network is no valid int8 network.
    """
    if not strategies:
        raise ValueError("strategies must hold at least one strategy")
    lowered = analyze(graph, config, memory=memory, last="lower")
    best: Program | None = None
    problem: CompileError | None = None
    for name, strategy in strategies.items():
        module = lowered
        try:
            for step, run in _back(strategy):
                module = verify(step, run(module))
            program = emit(module, name)
        except CompileError as error:
            problem = problem or error
            continue
        if best is None or program.predicted < best.predicted:
            best = program
    if best is None:
        assert problem is not None
        raise problem
    return best


def check(graph: Graph, config: Config) -> list[CheckRow]:
    """Where each operator runs, and why; nothing is built.

    Raises
    ------
    ModelError
        The network is no valid int8 network.
    """
    return rows(analyze(graph, config, last="layout"))
