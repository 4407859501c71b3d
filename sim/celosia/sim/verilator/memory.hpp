// SPDX-License-Identifier: Apache-2.0
// The AXI4 memory behind the core: the model that celosia.sim.memory.MemoryModel describes.

#pragma once

#include <cstring>
#include <deque>

#include "common.hpp"
#include "ports.hpp"

namespace celosia {

struct MemoryOptions {
    uint64_t size, latency, gap, stall_steps, seed, error_begin, error_end, jitter;
};

class Memory {
public:
    Memory(uint8_t* bytes, const MemoryOptions& options)
        : bytes_{bytes}, options_{options}, stalls_{uint32_t(options.stall_steps), options.seed},
          read_delays_{options.jitter, options.seed, 0}, write_delays_{options.jitter, options.seed, 1} {}

    // What the memory's registers show before the first edge.
    void reset(Model& dut) {
        dut.MEMORY(arready) = dut.MEMORY(awready) = dut.MEMORY(wready) = 1;
        dut.MEMORY(rvalid) = dut.MEMORY(bvalid) = 0;
    }

    // Takes what the core drives before clock edge `now`; remembers, but does not drive yet.
    void sample(const Model& dut, uint64_t now) {
        if (idle_ && !dut.MEMORY(arvalid) && !dut.MEMORY(awvalid) && !dut.MEMORY(wvalid)) return;
        idle_ = false;
        take_read_address(dut, now);
        take_write_address(dut);
        take_write_data(dut, now);
        if (dut.MEMORY(rvalid) && dut.MEMORY(rready)) {
            showing_read_ = false;
            next_read_ = now + 1 + options_.gap;
        }
        if (dut.MEMORY(bvalid) && dut.MEMORY(bready)) showing_response_ = false;
        join_writes(now);
    }

    // Drives the memory's registers after clock edge `now`; whether there may be something new.
    bool drive(Model& dut, uint64_t now) {
        if (idle_) return false;
        const Stalls::Draw stall = stalls_.draw();
        dut.MEMORY(arready) = reads_.size() < kMaxBursts && !stall.ar;
        dut.MEMORY(awready) = writes_.size() + responses_.size() < kMaxBursts && !stall.aw;
        dut.MEMORY(wready) = beats_.size() < kMaxBeats && now + 1 >= next_write_ && !stall.w;
        drive_read(dut, now, stall.r);
        drive_response(dut, now, stall.b);
        idle_ = !options_.stall_steps && reads_.empty() && writes_.empty() && beats_.empty() && responses_.empty()
            && !showing_read_ && !showing_response_ && now + 1 >= next_write_;
        return true;
    }

private:
    using Data = uint64_t;
    static constexpr uint8_t kOkay = 0, kSlaveError = 2, kDecodeError = 3;

    struct Address {
        uint64_t address;
        uint32_t length, size, burst, id;
        bool operator==(const Address& other) const {
            return address == other.address && length == other.length && size == other.size
                && burst == other.burst && id == other.id;
        }
    };
    struct Burst {
        uint64_t address, due;
        uint32_t length, beat, id, response;
    };
    struct Beat {
        Data data;
        uint32_t strobe;
        bool last;
        bool operator==(const Beat& other) const {
            return data == other.data && strobe == other.strobe && last == other.last;
        }
    };

    static Burst checked(const char* name, const Address& a, uint64_t due) {
        const unsigned long long address = a.address;
        if (a.burst != 1) violate("%s at %#llx: burst type %u; only INCR (1) is modelled", name, address, a.burst);
        if (1u << a.size != kBusBytes) {
            violate("%s at %#llx: beats of %u bytes on a bus of %u; narrow bursts are not modelled", name, address,
                    1u << a.size, kBusBytes);
        }
        if (a.address % kBusBytes) violate("%s at %#llx: not aligned to the bus", name, address);
        if ((a.address & 4095) + (a.length + 1) * kBusBytes > 4096) {
            violate("%s at %#llx: a burst of %u beats crosses a 4 KiB boundary", name, address, a.length + 1);
        }
        return {a.address, due, a.length, 0, a.id, kOkay};
    }

    uint8_t answer(uint64_t address) const {
        if (address + kBusBytes > options_.size) return kDecodeError;
        return options_.error_begin < address + kBusBytes && address < options_.error_end ? kSlaveError : kOkay;
    }

    void take_read_address(const Model& dut, uint64_t now) {
        const Address a{dut.MEMORY(araddr), dut.MEMORY(arlen), dut.MEMORY(arsize), dut.MEMORY(arburst),
                        dut.MEMORY(arid)};
        held_ar_.check(dut.MEMORY(arvalid), dut.MEMORY(arready), a);
        if (!dut.MEMORY(arvalid) || !dut.MEMORY(arready)) return;
        reads_.push_back(checked("memory AR", a, now + options_.latency + read_delays_.draw()));
    }

    void take_write_address(const Model& dut) {
        const Address a{dut.MEMORY(awaddr), dut.MEMORY(awlen), dut.MEMORY(awsize), dut.MEMORY(awburst),
                        dut.MEMORY(awid)};
        held_aw_.check(dut.MEMORY(awvalid), dut.MEMORY(awready), a);
        if (!dut.MEMORY(awvalid) || !dut.MEMORY(awready)) return;
        writes_.push_back(checked("memory AW", a, 0));
    }

    void take_write_data(const Model& dut, uint64_t now) {
        const Beat beat{dut.MEMORY(wdata), dut.MEMORY(wstrb), bool(dut.MEMORY(wlast))};
        held_w_.check(dut.MEMORY(wvalid), dut.MEMORY(wready), beat);
        if (!dut.MEMORY(wvalid) || !dut.MEMORY(wready)) return;
        beats_.push_back(beat);
        next_write_ = now + 1 + options_.gap;
    }

    void join_writes(uint64_t now) {
        while (!beats_.empty() && !writes_.empty()) {
            Burst& burst = writes_.front();
            const Beat beat = beats_.front();
            beats_.pop_front();
            write(burst, beat);
            if (beat.last != (burst.beat == burst.length)) {
                violate("memory W: wlast %s on beat %u of a burst of %u", beat.last ? "set" : "not set",
                        burst.beat + 1, burst.length + 1);
            }
            burst.beat++;
            if (!beat.last) continue;
            burst.due = now + options_.latency + write_delays_.draw();
            responses_.push_back(burst);
            writes_.pop_front();
        }
    }

    void write(Burst& burst, const Beat& beat) {
        const uint64_t address = burst.address + uint64_t{burst.beat} * kBusBytes;
        const uint8_t response = answer(address);
        if (response > burst.response) burst.response = response;
        if (response != kOkay) return;
        for (unsigned i = 0; i < kBusBytes; i++)
            if (beat.strobe >> i & 1) bytes_[address + i] = uint8_t(beat.data >> 8 * i);
    }

    void drive_read(Model& dut, uint64_t now, bool stall) {
        if (showing_read_) return;
        dut.MEMORY(rvalid) = 0;
        if (reads_.empty() || reads_.front().due > now + 1 || next_read_ > now + 1 || stall) return;
        Burst& burst = reads_.front();
        const uint64_t address = burst.address + uint64_t{burst.beat} * kBusBytes;
        Data data = 0;
        const uint8_t response = answer(address);
        if (response == kOkay) std::memcpy(&data, bytes_ + address, kBusBytes);
        dut.MEMORY(rdata) = data;
        dut.MEMORY(rresp) = response;
        dut.MEMORY(rid) = burst.id;
        dut.MEMORY(rlast) = burst.beat == burst.length;
        dut.MEMORY(rvalid) = 1;
        showing_read_ = true;
        if (burst.beat++ == burst.length) reads_.pop_front();
    }

    void drive_response(Model& dut, uint64_t now, bool stall) {
        if (showing_response_) return;
        dut.MEMORY(bvalid) = 0;
        if (responses_.empty() || responses_.front().due > now + 1 || stall) return;
        dut.MEMORY(bresp) = responses_.front().response;
        dut.MEMORY(bid) = responses_.front().id;
        dut.MEMORY(bvalid) = 1;
        showing_response_ = true;
        responses_.pop_front();
    }

    uint8_t* bytes_;
    const MemoryOptions options_;
    Stalls stalls_;
    Delays read_delays_, write_delays_;
    Held<Address> held_ar_{"memory AR"}, held_aw_{"memory AW"};
    Held<Beat> held_w_{"memory W"};
    std::deque<Burst> reads_, writes_, responses_;
    std::deque<Beat> beats_;
    uint64_t next_read_ = 0, next_write_ = 0;
    bool showing_read_ = false, showing_response_ = false;
    bool idle_ = false;  // nothing to do, and always ready
};

}  // namespace celosia
