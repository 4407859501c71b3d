# SPDX-License-Identifier: Apache-2.0
"""A file of results, a JSON object a line, each appended as soon as it is known.

::

    {"celosia": "0.1.0", "of": ["4f1c…", "9a3e…", "latency=30", "best"], "network": "kws", …, "cycles": 13504, …}

``of`` is what the result is of. Whoever dies while writing leaves a line without an end, which is dropped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from celosia.build.tools import own_version

from .errors import ExploreError

__all__ = ["Results"]

Key = tuple[str, ...]


class Results:
    """Results by key, and the file that they are kept in.

    Parameters
    ----------
    path:
        None keeps them in memory alone.

    Raises
    ------
    ExploreError
        The file holds something else.
    OSError
        It cannot be read or written.
    """

    def __init__(self, path: Path | None):
        self._known: dict[Key, dict[str, Any]] = {}
        self._file: BinaryIO | None = None
        self._celosia = own_version()
        if path is None:
            return
        # Unbuffered: a line is one write, and there for whoever reads once it is done.
        self._file = open(path, "ab+", buffering=0)  # noqa: SIM115 - closed with this object
        try:
            self._read(path)
        except BaseException:
            self._file.close()
            raise

    def _read(self, path: Path) -> None:
        assert self._file is not None
        self._file.seek(0)
        whole, end, _ = self._file.read().rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if end else (), 1):
            try:
                result = json.loads(line)
                key, celosia = tuple(result["of"]), result["celosia"]
            except (ValueError, KeyError, TypeError):
                raise ExploreError(
                    f"{path}: line {number} is no result of an exploration: name another file, or none"
                ) from None
            if celosia == self._celosia:  # another version may compute another result
                self._known[key] = result
        self._file.truncate(len(whole) + len(end))

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __contains__(self, key: Key) -> bool:
        return key in self._known

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self._known[key]

    def add(self, key: Key, result: Mapping[str, Any]) -> None:
        """Keep a result.

        Raises
        ------
        OSError
            It cannot be written.
        """
        whole = {"celosia": self._celosia, "of": list(key), **result}
        self._known[key] = whole
        if self._file is not None:
            self._file.write(json.dumps(whole, ensure_ascii=False).encode() + b"\n")
