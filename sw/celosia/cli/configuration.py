# SPDX-License-Identifier: Apache-2.0
"""The text of ``--config`` as a configuration."""

import dataclasses
from typing import Any

from celosia.arch.config import PRESETS, Config, ConfigError, preset

__all__ = ["DEFAULT", "parse_config"]

DEFAULT = "c256"
"""The preset taken when none is named."""

_FIELDS = tuple(f.name for f in dataclasses.fields(Config) if f.name != "name")
_SWITCHES = tuple(f.name for f in dataclasses.fields(Config) if f.type is bool)


def parse_config(text: str) -> Config:
    """A configuration from a preset's name, changes to it, or both, separated by commas.

    ``c64``, ``c256,weight_bytes=524288``, ``rows=12,columns=10`` (changes to `DEFAULT`). Numbers may be
    written as in Python; what a core may go without is 0 or 1. Where ``columns`` changes and ``lanes`` is not
    given, every column has a lane.

    Raises
    ------
    ConfigError
        An unknown preset or field, a value that is no number, or a configuration that cannot be built.
    """
    parts = [part.strip() for part in text.split(",")]
    base = preset(parts.pop(0)) if parts[0] and "=" not in parts[0] else preset(DEFAULT)
    changes: dict[str, Any] = {}
    for part in parts:
        field, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or field not in _FIELDS:
            raise ConfigError(
                f"configuration {text!r}: {part!r} is neither a preset, which comes first "
                f"({', '.join(PRESETS)}), nor a field with its value, as in rows=12 ({', '.join(_FIELDS)})"
            )
        try:
            changes[field] = int(value, 0)
        except ValueError:
            raise ConfigError(f"configuration {text!r}: {field} must be a whole number, not {value!r}") from None
        if field in _SWITCHES:
            if changes[field] not in (0, 1):
                raise ConfigError(f"configuration {text!r}: {field} must be 0 or 1, not {value}")
            changes[field] = bool(changes[field])
    if "columns" in changes:
        changes.setdefault("lanes", changes["columns"])
    return base.replace(**changes, name=text) if changes else base
