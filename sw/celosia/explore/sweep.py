# SPDX-License-Identifier: Apache-2.0
"""Points and syntheses, worked off by Dask: here on every core, or on a cluster that is there.

A piece of work is a future of its own. When a worker dies, the scheduler gives what it had to another, and each result
is kept as it comes, so that nothing is lost but time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields
from typing import Any

from celosia.arch.config import Config
from celosia.gateware.family import Device
from celosia.model.graph import Graph

from .area import Area, total
from .outcome import Outcome, measure
from .results import Results
from .space import Point
from .synthesis import synthesize_core, synthesizers

__all__ = ["Synthesis", "Work", "kept_area", "kept_outcome", "work_off"]

RETRIES = 2
"""Times that work is tried again when it raises what it should not. (Dask itself gives a task up after three workers
have died of it.)"""


@dataclass(frozen=True)
class Synthesis:
    """A core to synthesize for an FPGA."""

    config: Config
    device: Device

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from all others."""
        tools = ", ".join(f"{name} {version}" for name, version in synthesizers().items())
        return "area", f"{self.config.hash:016x}", self.device.family.value, str(self.device.multipliers), tools

    @property
    def facts(self) -> dict[str, str]:
        """What it is, to be read."""
        return {"core": self.config.name, "for": f"{self.device.family.value}, {self.device.multipliers} multipliers"}


Work = Point | Synthesis


def kept_outcome(results: Results, point: Point) -> Outcome | None:
    """What is known of a point."""
    return _restored(Outcome, results, point.key)


def kept_area(results: Results, synthesis: Synthesis) -> Area | None:
    """What is known of a synthesis."""
    return _restored(Area, results, synthesis.key)


def _restored(kind: Any, results: Results, key: tuple[str, ...]) -> Any:
    return kind(**{field.name: results[key][field.name] for field in fields(kind)}) if key in results else None


def work_off(
    work: Iterable[Work],
    graphs: Mapping[str, Graph],
    results: Results,
    connect: Callable[[], AbstractContextManager[Any]],
    note: Callable[[int], None] = lambda done: None,
) -> dict[Work, str]:
    """Do whatever there is no result of, and keep each result as it comes.

    Parameters
    ----------
    graphs:
        Networks by :attr:`.Network.digest`.
    connect:
        Makes a Dask client (:func:`celosia.workers.connected`); not called if there is nothing to do.
    note:
        Told how many pieces of work are done, those that there were results of among them.

    Returns
    -------
    What ended without a result though it should have had one, and the error: a bug, or workers that died again and
    again. It is not kept, so it is tried again next time.
    """
    failed: dict[Work, str] = {}
    work = list(work)
    for item in work:
        if isinstance(item, Point) and item.why and item.key not in results:
            results.add(item.key, item.facts | asdict(Outcome(why=item.why)))
    left = [item for item in work if item.key not in results]
    done = len(work) - len(left)
    note(done)
    if left:
        with connect() as client:
            for item, result in _computed(left, graphs, client):
                if isinstance(result, BaseException):
                    failed[item] = f"{type(result).__name__}: {result}"
                else:
                    results.add(item.key, item.facts | asdict(result))
                done += 1
                note(done)
    return failed


def _computed(
    work: Iterable[Work], graphs: Mapping[str, Graph], client: Any
) -> Iterator[tuple[Work, Outcome | Area | BaseException]]:
    """Every piece of work with what became of it, as it comes."""
    from distributed import as_completed

    # Each network goes to the scheduler once; workers get it from there, or from each other.
    sent = {digest: client.submit(_same, graph, pure=False) for digest, graph in graphs.items()}
    running: dict[Any, Work] = {}
    for item in work:
        if isinstance(item, Point):
            future = client.submit(measure, item, sent[item.network.digest], pure=False, retries=RETRIES)
        else:
            future = client.submit(_synthesize, item, pure=False, retries=RETRIES)
        running[future] = item
    for future in as_completed(list(running)):
        item = running.pop(future)
        error = future.exception()
        yield item, future.result() if error is None else error
        future.release()


def _same(graph: Graph) -> Graph:
    return graph


def _synthesize(work: Synthesis) -> Area:
    return total(synthesize_core(work.config, work.device))
