# SPDX-License-Identifier: Apache-2.0
"""YAML whose every value knows its file, line and key, so that a message can say where something is wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import ExchangeError

__all__ = ["Value", "load"]

_SCALARS = yaml.constructor.SafeConstructor()


@dataclass(frozen=True, eq=False)
class Value:
    """A node of a document. Tags such as ``!Component`` are left alone.

    Parameters
    ----------
    where:
        What messages call it: ``file.yaml, line 3, key 'loop_sizes'``.
    """

    path: Path
    node: yaml.Node
    key: str = ""

    @property
    def where(self) -> str:
        """The place, for messages."""
        key = f", key {self.key!r}" if self.key else ""
        return f"{self.path}, line {self.node.start_mark.line + 1}{key}"

    def wrong(self, problem: str) -> ExchangeError:
        """The error for a problem with this value."""
        return ExchangeError(f"{self.where}: {problem}")

    # --- mappings ---

    def items(self) -> dict[str, "Value"]:
        """The values of a mapping by their keys."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.wrong("must be a mapping of keys to values")
        return {str(key.value): Value(self.path, value, str(key.value)) for key, value in self.node.value}

    def get(self, key: str) -> "Value | None":
        """The value of a key; None if there is none, or it is null."""
        value = self.items().get(key)
        return None if value is None or value.null else value

    def need(self, key: str) -> "Value":
        """The value of a key that must be there."""
        value = self.get(key)
        if value is None:
            raise self.wrong(f"has no {key!r}: add it")
        return value

    # --- lists and scalars ---

    @property
    def null(self) -> bool:
        """Whether there is nothing."""
        return self.node.tag == "tag:yaml.org,2002:null"

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def __iter__(self) -> Iterator["Value"]:
        """The values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.wrong("must be a list")
        return (Value(self.path, node, self.key) for node in self.node.value)

    def scalar(self) -> Any:
        """A string, number, truth value or None."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong("must be a single value")
        return _SCALARS.construct_object(self.node) if self.node.tag.startswith("tag:") else self.node.value

    def text(self) -> str:
        """What a string, or a number, is written as."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.wrong("must be a single value")
        return str(self.node.value)

    def integer(self, least: int) -> int:
        """A whole number that is not too small."""
        value = self.scalar()
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(f"must be a whole number of at least {least}, not {self.text()!r}")
        return value


def load(path: Path) -> Value:
    """The one document of a file.

    Raises
    ------
    ExchangeError
        It is no YAML.
    OSError
        The file cannot be read.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        try:
            node = yaml.compose(file, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = "" if mark is None else f", line {mark.line + 1}"
            problem = getattr(error, "problem", None) or "cannot be read"
            raise ExchangeError(f"{path}{line}: no YAML ({problem}): fill in templates before import") from None
    if node is None:
        raise ExchangeError(f"{path}: an empty file: nothing to import")
    return Value(path, node)
