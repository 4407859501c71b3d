# SPDX-License-Identifier: Apache-2.0
"""The one exception that a model file or a graph can cause."""

__all__ = ["ModelError", "quoted"]

_LONGEST_NAME = 80


class ModelError(ValueError):
    """A model that cannot be read, is inconsistent, or is of a kind Celosia does not run.

    Its message is one line that names the file or the graph, what is wrong, and what to do about it.
    """


def quoted(name: str) -> str:
    """`name` in quotes for a message: control characters escaped, the middle of a long one cut out."""
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME // 2]}…{name[-_LONGEST_NAME // 2 :]}"
    return repr(name)
