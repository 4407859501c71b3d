# SPDX-License-Identifier: Apache-2.0
"""Both engines on the external bus."""

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import ErrorCause
from ...interfaces import AXI4, EngineSignature, LocalBus
from .load import Load
from .store import Store

__all__ = ["Dma"]


class Dma(Component):
    """Both engines and the external bus they share; nothing, and every output 0, in a core without external memory.

    Members
    -------
    load, store:
        Commands.
    load_local, store_local:
        The local memories; ``load_pending`` see :class:`Load`.
    memory:
        The external bus. Reads and writes have nothing to do with each other; all transactions have ID 0,
        whole beats, incrementing addresses, at most 64 beats, never across 4 KiB.
    abort, external_base, external_size:
        For both engines (:class:`~celosia.gateware.control.dma.mover.Mover`).
    load_error, load_cause, store_error, store_cause, draining, progress:
        From either engine.
    """

    memory: "AXI4"
    load: "EngineSignature"
    store: "EngineSignature"
    load_local: "LocalBus"
    store_local: "LocalBus"
    load_pending: Signal
    external_base: Signal
    external_size: Signal
    abort: Signal
    load_error: Signal
    load_cause: "data.View"
    store_error: Signal
    store_cause: "data.View"
    draining: Signal
    progress: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "memory": Out(AXI4(config.address_bits, config.bus_bits)),
                "load": In(EngineSignature()),
                "store": In(EngineSignature()),
                "load_local": Out(LocalBus(config)),
                "store_local": Out(LocalBus(config)),
                "load_pending": In(1),
                "external_base": In(32),
                "external_size": In(32),
                "abort": In(1),
                "load_error": Out(1),
                "load_cause": Out(ErrorCause),
                "store_error": Out(1),
                "store_cause": Out(ErrorCause),
                "draining": Out(1),
                "progress": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if not self.config.external:
            return m
        m.submodules.load = load = Load(self.config)
        m.submodules.store = store = Store(self.config)
        for name, engine in (("load", load), ("store", store)):
            connect(m, flipped(getattr(self, name)), engine.engine)
            connect(m, engine.local, flipped(getattr(self, f"{name}_local")))
            m.d.comb += [
                engine.external_base.eq(self.external_base),
                engine.external_size.eq(self.external_size),
                engine.abort.eq(self.abort),
                getattr(self, f"{name}_error").eq(engine.error),
                getattr(self, f"{name}_cause").eq(engine.cause),
            ]
        m.d.comb += [
            self.draining.eq(load.draining | store.draining),
            self.progress.eq(load.progress | store.progress),
            load.local_pending.eq(self.load_pending),
        ]
        self._address(m, "ar", load.ar)
        self._address(m, "aw", store.aw)
        memory = self.memory
        m.d.comb += [
            load.r.valid.eq(memory.rvalid),
            load.r.payload.data.eq(memory.rdata),
            load.r.payload.error.eq(memory.rresp[1]),
            load.r_last.eq(memory.rlast),
            memory.rready.eq(load.r.ready),
            memory.wvalid.eq(store.w.valid),
            memory.wdata.eq(store.w.payload.data),
            memory.wstrb.eq(store.w.payload.write.replicate(self.config.bus_bytes)),
            memory.wlast.eq(store.w.payload.last),
            store.w.ready.eq(memory.wready),
            memory.bready.eq(1),
            store.b.eq(memory.bvalid),
            store.b_error.eq(memory.bresp[1]),
        ]
        return m

    def _address(self, m: Module, channel: str, burst: stream.Interface):
        """One address channel: incrementing bursts of whole beats, bufferable, of a data access."""
        low = (self.config.bus_bytes - 1).bit_length()
        values = {
            "addr": Cat(Const(0, low), burst.payload.beat),
            "len": burst.payload.length,
            "size": low,
            "burst": 0b01,
            "cache": 0b0011,
            "valid": burst.valid,
        }
        for name, value in values.items():
            m.d.comb += getattr(self.memory, channel + name).eq(value)
        m.d.comb += burst.ready.eq(getattr(self.memory, f"{channel}ready"))
