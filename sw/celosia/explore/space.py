# SPDX-License-Identifier: Apache-2.0
"""What is swept: networks × cores × memories × strategies, each a point."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from celosia import compiler
from celosia.arch.config import Config, ConfigError
from celosia.arch.timing import ExternalTiming

from .errors import ExploreError

__all__ = ["BEST", "LOCAL", "Core", "Network", "Point", "alternatives", "cores", "points", "strategies"]

LOCAL = "local"
"""The memory of cores that keep a whole network, and are given inputs and asked for outputs by the host."""

BEST = "best"
"""The strategy that is whichever the compiler finds best."""

MOST = 100_000
"""Texts that one text may stand for: more is a slip of the keyboard."""


def alternatives(text: str) -> list[str]:
    """The texts that one with alternatives stands for: ``rows=4/8,columns=8/16`` is four, the last changes fastest.

    Raises
    ------
    ExploreError
        An alternative is empty, or there are too many.
    """
    parts: list[list[str]] = []
    for part in text.split(","):
        field, equals, values = part.partition("=")
        choices = [value.strip() for value in (values if equals else field).split("/")]
        if "" in choices and len(choices) > 1:
            raise ExploreError(f"{text!r}: an alternative is empty: write them as in rows=4/8/16")
        parts.append([f"{field.strip()}={value}" for value in choices] if equals else choices)
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST:
        raise ExploreError(f"{text!r} stands for {count:,} alternatives: at most {MOST:,} are explored")
    return [",".join(chosen) for chosen in itertools.product(*parts)]


@dataclass(frozen=True)
class Network:
    """A network by name, and by the hash of its file."""

    name: str
    digest: str


@dataclass(frozen=True)
class Core:
    """A configuration as somebody wrote it; one that cannot be built has a reason instead."""

    text: str
    config: Config | None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One combination.

    Parameters
    ----------
    memory:
        As somebody wrote it, or :data:`LOCAL`.
    timing:
        What it is like; None if it is local, or if the point cannot be.
    strategy:
        A name (:func:`celosia.compiler.strategy_names`), or :data:`BEST`.
    why:
        Why there is no such point, known before anything is compiled.
    """

    network: Network
    core: Core
    memory: str
    timing: ExternalTiming | None
    strategy: str
    why: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from all others. Cores count as equal if they are, however they are written."""
        core = self.core.text if self.core.config is None else f"{self.core.config.hash:016x}"
        return self.network.digest, core, self.memory, self.strategy

    @property
    def facts(self) -> dict[str, str]:
        """What it is, to be read."""
        return {"network": self.network.name, "core": self.core.text, "memory": self.memory, "asked": self.strategy}


def cores(texts: Iterable[str], parse: Callable[[str], Config]) -> list[Core]:
    """Every core that the texts, with their alternatives, stand for; each once.

    Parameters
    ----------
    parse:
        Makes a configuration of a text.

    Raises
    ------
    ConfigError
        Nothing that a text stands for can be built: then it is the text that is wrong.
    ExploreError
        See :func:`alternatives`.
    """
    result: dict[str, Core] = {}
    for text in texts:
        found = [_core(alternative, parse) for alternative in alternatives(text)]
        if all(core.config is None for core in found):
            raise ConfigError(found[0].why)
        for core in found:
            result.setdefault(core.text if core.config is None else str(core.config.hash), core)
    return list(result.values())


def _core(text: str, parse: Callable[[str], Config]) -> Core:
    try:
        return Core(text, parse(text))
    except ConfigError as error:
        return Core(text, None, str(error))


def strategies(text: str | None) -> list[str]:
    """The strategies that a text with commas names; None is :data:`BEST` alone.

    Names that are made up of more than a name (``mapping:FILE``) are the compiler's to judge.

    Raises
    ------
    ExploreError
        There is no such strategy.
    """
    known = (BEST, *compiler.strategy_names())
    wanted = [BEST] if text is None else [name.strip() for name in text.split(",")]
    for name in wanted:
        if name not in known and ":" not in name:
            raise ExploreError(f"no strategy is called {name!r}; choose from {', '.join(known)}")
    return list(dict.fromkeys(wanted))


def points(
    networks: Sequence[Network],
    cores: Sequence[Core],
    memories: Sequence[str],
    strategies: Sequence[str],
    timing: Callable[[str, Config], ExternalTiming],
) -> list[Point]:
    """All combinations.

    Parameters
    ----------
    memories:
        Without alternatives.
    timing:
        What a memory is like behind the bus of a core; a ValueError says why it cannot be behind it.

    Raises
    ------
    ExploreError
        A memory can be behind none of the cores: then it is the memory that is wrong.
    """
    pairs = {(core, memory): _behind(core, memory, timing) for core in cores for memory in memories}
    for memory in memories:
        reasons = [pairs[core, memory][1] for core in cores if core.config is not None]
        if all(reasons):
            raise ExploreError(reasons[0])
    return [
        Point(network=network, core=core, memory=memory, timing=like, strategy=strategy, why=why)
        for network in networks
        for (core, memory), (like, why) in pairs.items()
        for strategy in strategies
    ]


def _behind(
    core: Core, memory: str, timing: Callable[[str, Config], ExternalTiming]
) -> tuple[ExternalTiming | None, str]:
    """What a memory is like behind a core, or why it cannot be there."""
    if core.config is None or memory == LOCAL:
        return None, core.why
    try:
        return timing(memory, core.config), ""
    except ValueError as error:
        return None, str(error)
