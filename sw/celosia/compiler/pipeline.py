# SPDX-License-Identifier: Apache-2.0
"""From a graph to a program: the passes in order, with the verifier between them.

legalize → place → fit → layout → lower, then for each tiling strategy tile → segment → allocate → schedule → emit.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from celosia.arch.config import Config
from celosia.arch.isa import Opcode
from celosia.arch.timing import ExternalTiming
from celosia.model.graph import Graph
from celosia.runtime.program import ArrayStep, Program

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
from .streaming import FAMILIES, Network, StreamingStrategy, known, named, names, network_of, refuse
from .verify import verify

__all__ = ["MEMORIES", "analyze", "check", "compile", "strategy_names"]

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
    graph: Graph,
    config: Config,
    *,
    memory: str = "local",
    strategies: Mapping[str, Strategy] = STRATEGIES,
    strategy: str | StreamingStrategy | None = None,
    timing: ExternalTiming | None = None,
) -> Program:
    """A network as a program for one core.

    Parameters
    ----------
    graph:
        An int8 network.
    memory:
        "local": the host loads every memory through its window, writes inputs into the activation memory and
        reads outputs from it. "external": if everything fits the core, a setup segment loads weights and parameters
        from external memory once, and each inference loads its inputs from there and stores its outputs there, inside
        its cycles. Else the network is streamed (:mod:`celosia.compiler.streaming`).
    strategies:
        Ways to tile a network that fits; the one whose program is predicted to take the fewest cycles wins, of equals
        the first.
    strategy:
        The only way to tile: a name (:func:`strategy_names`), or a strategy for a network that is streamed, whether it
        would fit or not. None is the best of ``strategies`` if the network fits, else "search".
    timing:
        What the external memory is like, for predictions and the search; None is an ideal one.

    Raises
    ------
    CompileError
        An operator runs nowhere, or a memory is too small with every strategy; a
        :class:`~celosia.compiler.errors.TilingError`, if a streaming strategy is at fault.
    ModelError
        The network is no valid int8 network.
    """
    if not strategies:
        raise ValueError("strategies must hold at least one strategy")
    if memory not in MEMORIES:
        raise ValueError(f"memory must be one of {', '.join(MEMORIES)}, not {memory!r}")
    if isinstance(strategy, str) and strategy not in STRATEGIES and not known(strategy):
        choices = ", ".join((*strategy_names(), *FAMILIES))
        raise CompileError(f"no strategy is called {strategy!r}; choose one of {choices}")
    if isinstance(strategy, str) and strategy in STRATEGIES:
        return _resident(graph, config, memory, {strategy: STRATEGIES[strategy]}, timing)
    if strategy is not None:
        if memory != "external":
            name = _name(strategy)
            raise CompileError(f"strategy {name} streams from external memory: compile with memory='external'")
        return _streamed(graph, config, strategy, timing)
    if memory == "local":
        return _resident(graph, config, memory, strategies, timing)
    _may_stream(config)
    return _whichever(graph, config, strategies, timing)


def strategy_names() -> tuple[str, ...]:
    """The names of strategies: those for networks that fit, then those that stream."""
    return (*STRATEGIES, *names())


def _whichever(
    graph: Graph, config: Config, strategies: Mapping[str, Strategy], timing: ExternalTiming | None
) -> Program:
    """The network on chip, if all of it fits there that the core can run; else streamed, if that is possible."""
    fitting: Program | None = None
    with suppress(CompileError):
        fitting = _resident(graph, config, "external", strategies, timing)
    try:
        network = _network(graph, config, timing)
    except CompileError:
        if fitting is None:
            raise
        return fitting
    if fitting is not None and len(network.layers) <= _layers_on_chip(fitting):
        return fitting
    return _tiled(network, "search")


_COMPUTING = (Opcode.CONV, Opcode.DEPTHWISE, Opcode.ADD)


def _layers_on_chip(program: Program) -> int:
    """Operators that the array and the lanes run, counting none that costs nothing."""
    starts = [step.start for step in program.steps if isinstance(step, ArrayStep)]
    commands = [command for start in starts for command in program.segment(start)]
    return len({command["layer"] for command in commands if command["opcode"] in _COMPUTING})


def _streamed(
    graph: Graph, config: Config, strategy: str | StreamingStrategy, timing: ExternalTiming | None
) -> Program:
    _may_stream(config)
    return _tiled(_network(graph, config, timing), strategy)


def _tiled(network: Network, strategy: str | StreamingStrategy) -> Program:
    name = _name(strategy)
    chosen = named(strategy) if isinstance(strategy, str) else strategy
    tiling = chosen.choose(network)
    refuse(network, tiling, name)
    return network.streamed(tiling).program(name)


def _name(strategy: str | StreamingStrategy) -> str:
    return strategy if isinstance(strategy, str) else type(strategy).__name__


def _network(graph: Graph, config: Config, timing: ExternalTiming | None) -> Network:
    graph.check_int8()
    graph.validate()
    return network_of(graph, config, timing or ExternalTiming())


def _may_stream(config: Config) -> None:
    if not config.external:
        raise CompileError(f"{config.name} has no external memory (external=False): compile with memory='local'")


def _resident(
    graph: Graph, config: Config, memory: str, strategies: Mapping[str, Strategy], timing: ExternalTiming | None
) -> Program:
    """The network with all its weights and activations on chip, tiled in the best of some ways."""
    lowered = analyze(graph, config, memory=memory, last="lower")
    best: Program | None = None
    problem: CompileError | None = None
    for name, strategy in strategies.items():
        module = lowered
        try:
            for step, run in _back(strategy):
                module = verify(step, run(module))
            program = emit(module, name, timing)
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
