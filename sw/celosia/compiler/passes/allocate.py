# SPDX-License-Identifier: Apache-2.0
"""Pass 8, allocate: where everything is in the local memories, and in the external one.

Activations: every value has whole lines for as long as a command, an upload or a download may touch it.
An ADD writes over an input that nobody reads afterwards. Buffers are placed by size, each at the lowest
address that is free for all its time; if that does not fit, in order of time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from celosia.arch.registers import PARAMETER_BYTES

from ..errors import CompileError
from ..forms import group_records, group_words, records_in_all
from ..ir import AddLayer, DownGroup, Group, Module

__all__ = ["Buffer", "allocate", "first_fit", "lowest", "side_by_side"]


@dataclass
class Buffer:
    """``lines`` activation lines for ``values``, from time ``first`` to ``last``, both included."""

    values: list[int]
    lines: int
    first: int
    last: int
    line: int = -1


def allocate(module: Module) -> Module:
    """The module with every address.

    Raises
    ------
    CompileError
        A memory is too small; the message says which, what is needed, and what there is.
    """
    module = _place_constants(module)
    buffers = _buffers(module)
    _place_buffers(module, buffers)
    line = module.config.line_bytes
    addresses = {value: buffer.line * line for buffer in buffers for value in buffer.values}
    return module.replace(addresses=addresses, external=_external(module))


def _place_constants(module: Module) -> Module:
    """Weight words and parameter records, one group after the other."""
    config = module.config
    words, records = 0, 0
    weight_words: dict[tuple[int, int], int] = {}
    first_records: dict[tuple[int, int], int] = {}
    for number, layer in module.layers.items():
        for index, group in enumerate(() if isinstance(layer, AddLayer) else layer.groups):
            weight_words[number, index], first_records[number, index] = words, records
            words += group_words(config, group)
            records += group_records(group)
    _check(module, "weight memory", words * config.weight_word_bytes, config.weight_bytes, "bytes")
    _check(module, "parameter memory", _records(module), config.parameter_records, "records")
    return module.replace(weight_words=weight_words, records=first_records)


def _check(module: Module, memory: str, needed: int, there: int, unit: str, where: str = "") -> None:
    if needed > there:
        raise CompileError(
            f"{module.graph.name} does not fit {module.config.name}: it needs {needed} {unit} of "
            f"{memory}{where}, and there are {there}; choose a larger configuration or a smaller network"
        )


def _buffers(module: Module) -> list[Buffer]:
    """One buffer a value, merged where an ADD may work in place."""
    times, last = _times(module)
    of: dict[int, Buffer] = {}
    for step in module.steps:
        if not step.array:
            continue
        for value in step.uploads:
            of[value] = Buffer([value], module.lines(value), times[step.layers[0]] - 1, last[value])
        for number in step.layers:
            layer = module.layers[number]
            reused = _in_place(module, layer, last, times[number], of) if isinstance(layer, AddLayer) else None
            if reused is None:
                of[layer.output] = Buffer([layer.output], module.lines(layer.output), times[number], last[layer.output])
            else:
                reused.values.append(layer.output)
                reused.last = last[layer.output]
                of[layer.output] = reused
    return list({id(buffer): buffer for buffer in of.values()}.values())


def _times(module: Module) -> tuple[dict[int, int], dict[int, int]]:
    """The time of every layer on the machine, and the last time every value is needed there."""
    now, times, last = 0, {}, {}
    for step in module.steps:
        if not step.array:
            continue
        now += 1
        for number in step.layers:
            layer = module.layers[number]
            times[number] = now = now + 1
            for value in (*(layer.inputs if isinstance(layer, AddLayer) else (layer.input,)), layer.output):
                last[value] = now
        now += 1
        last.update(dict.fromkeys(step.downloads, now))
    return times, last


def _in_place(module: Module, layer: AddLayer, last: dict[int, int], now: int, of: dict[int, Buffer]) -> Buffer | None:
    """The buffer of an input that ends here and is as large as the output."""
    ending = [v for v in layer.inputs if last[v] == now and module.lines(v) == module.lines(layer.output)]
    return of[ending[0]] if ending else None


def _place_buffers(module: Module, buffers: list[Buffer]) -> None:
    orders: tuple[Callable[[Buffer], tuple[int, ...]], ...] = (
        lambda buffer: (-buffer.lines, buffer.first),
        lambda buffer: (buffer.first, -buffer.lines),
    )
    ends = []
    for order in orders:
        ends.append(first_fit(sorted(buffers, key=order)))
        if ends[-1] <= module.config.activation_lines:
            return
    line = module.config.line_bytes
    most, busiest = _peak(module, buffers)
    needed = most if most > module.config.activation_lines else min(ends)
    where = f" at {module.graph.describe(module.op(busiest))}"
    _check(module, "activation memory", needed * line, module.config.activation_bytes, "bytes", where)


def first_fit(buffers: Sequence[Buffer]) -> int:
    """Give every buffer the lowest line that is free for all its time; the first line nobody uses."""
    done: list[Buffer] = []
    for buffer in buffers:
        buffer.line = lowest(buffer, done)
        done.append(buffer)
    return max((b.line + b.lines for b in done), default=0)


def lowest(buffer: Buffer, others: Sequence[Buffer]) -> int:
    """The lowest line from which on ``buffer`` has room for all its time between ``others``, which have their lines."""
    line = 0
    rivals = [b for b in others if b.first <= buffer.last and buffer.first <= b.last]
    for rival in sorted(rivals, key=lambda b: b.line):
        if rival.line - line >= buffer.lines:
            break
        line = max(line, rival.line + rival.lines)
    return line


def _peak(module: Module, buffers: list[Buffer]) -> tuple[int, int]:
    """The most lines in use at once, and the layer at which they are."""
    times, _ = _times(module)
    used = {number: sum(b.lines for b in buffers if b.first <= t <= b.last) for number, t in times.items()}
    busiest = max(used, key=lambda number: used[number])
    return used[busiest], busiest


def _external(module: Module) -> dict[int | str, int]:
    """Offsets in external memory: the two images, then every value that crosses, on lines of its own."""
    if module.memory == "local":
        return {}
    config = module.config
    sizes: dict[int | str, int] = {"weights": _words(module) * config.weight_word_bytes}
    sizes["parameters"] = _records(module) * PARAMETER_BYTES
    for step in module.steps:
        for value in (*step.uploads, *step.downloads):
            sizes[value] = module.lines(value) * config.line_bytes
    offsets = side_by_side(sizes, config.line_bytes)
    if offsets["end"] > 1 << config.address_bits:
        _check(module, "external memory", offsets["end"], 1 << config.address_bits, "bytes")
    return offsets


def side_by_side(sizes: Mapping[int | str, int], line_bytes: int) -> dict[int | str, int]:
    """Offsets in external memory of pieces of so many bytes, each on lines of its own, and their "end"."""
    offsets: dict[int | str, int] = {}
    end = 0
    for key, size in sizes.items():
        offsets[key] = end
        end += -(-size // line_bytes) * line_bytes
    return {**offsets, "end": end}


def _words(module: Module) -> int:
    return sum(group_words(module.config, g) for g in _all_groups(module))


def _records(module: Module) -> int:
    return records_in_all(module.config, _all_groups(module))


def _all_groups(module: Module) -> list[Group | DownGroup]:
    return [g for layer in module.layers.values() if not isinstance(layer, AddLayer) for g in layer.groups]
