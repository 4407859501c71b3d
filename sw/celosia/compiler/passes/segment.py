# SPDX-License-Identifier: Apache-2.0
"""Pass 7, segment: runs of nodes that the machine, or the host, works through without the other.

A value crosses from the host once, before the first array step that reads it, and stays; a value crosses to
the host after the array step that makes it.
"""

from itertools import groupby

from ..ir import Module, Node, Step

__all__ = ["segment"]


def segment(module: Module) -> Module:
    """The module with its steps."""
    on_host = _read_by_host(module)
    there: set[int] = set()
    steps: list[Step] = []
    for array, group in groupby(module.nodes, lambda node: node.place != "host"):
        nodes = list(group)
        layers = tuple(node.layer for node in nodes)
        if not array:
            steps.append(Step(array=False, layers=layers))
            continue
        made = [value for node in nodes for value in node.outputs]
        read = dict.fromkeys(value for node in nodes for value in node.inputs)
        uploads = tuple(value for value in read if value not in there and value not in made)
        downloads = tuple(value for value in made if value in on_host)
        there.update(uploads, made)
        steps.append(Step(array=True, layers=layers, uploads=uploads, downloads=downloads))
    return module.replace(steps=tuple(steps))


def _read_by_host(module: Module) -> set[int]:
    hosted: list[Node] = [node for node in module.nodes if node.place == "host"]
    return {value for node in hosted for value in node.inputs} | set(module.outputs())
