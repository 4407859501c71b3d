# SPDX-License-Identifier: Apache-2.0
"""Processes that work beside this one: Dask's, on this machine or on a cluster."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["WorkersError", "connected"]

_ADDRESS = re.compile(r"((tcp|tls|ws|wss)://)?([^/:\s]+|\[[^]\s]+\]):\d+")


class WorkersError(ValueError):
    """There are no workers where they should be; one line says what to do."""


@contextmanager
def connected(jobs: int | None = None, scheduler: str | None = None) -> Iterator[Any]:
    """A Dask client for the block.

    Parameters
    ----------
    jobs:
        Local processes; None for one a core. Without meaning with ``scheduler``.
    scheduler:
        Address of the scheduler of an existing cluster, which stays when the block ends.

    Raises
    ------
    WorkersError
        That is no address, or there is no scheduler.
    """
    from distributed import Client  # an extra, and slow to import

    client: Any  # Dask's own annotations cannot tell its synchronous from its asynchronous use
    with _cluster(jobs, scheduler) as address:
        try:
            client = Client(address)
        except OSError:
            raise WorkersError(
                f"no Dask scheduler answers at {address}: start one there with `dask scheduler`"
            ) from None
        with client:
            yield client


@contextmanager
def _cluster(jobs: int | None, scheduler: str | None) -> Iterator[str]:
    """The address of a scheduler: the one given, or a new one with local processes."""
    if scheduler is not None:
        if not _ADDRESS.fullmatch(scheduler):
            raise WorkersError(f"{scheduler!r} is no address of a Dask scheduler: write it as in tcp://10.0.0.1:8786")
        yield scheduler
        return
    from distributed import LocalCluster

    cluster: Any
    options: dict[str, Any] = {
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",  # any port: the usual one may be taken, and Dask would complain
        "silence_logs": logging.ERROR,  # a worker that died is another's turn, nothing to worry about
    }
    with LocalCluster(n_workers=jobs or os.cpu_count() or 1, **options) as cluster:
        yield cluster.scheduler_address
