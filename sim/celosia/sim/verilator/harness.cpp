// SPDX-License-Identifier: Apache-2.0
// A core with its clock, control bus and external memory, as functions that run many cycles a call.

#include <algorithm>
#include <memory>
#include <vector>

#include "assertions.hpp"
#include "control.hpp"
#include "memory.hpp"
#include "ports.hpp"
#include "verilated.h"

#if CELOSIA_WAVE
#include "verilated_vcd_c.h"
#endif

namespace celosia {

class Simulation {
public:
    enum Result { kHappened = 0, kRanOut = 1, kFailed = 2 };

    Simulation(uint8_t* bytes, const MemoryOptions& options, const char* wave) : memory_{bytes, options} {
        context_.fatalOnError(false);
        open_wave(wave);
        dut_.clk = 0;
        dut_.rst = 0;
        control_.reset(dut_);
        memory_.reset(dut_);
        dut_.eval();
    }

    ~Simulation() {
#if CELOSIA_WAVE
        if (wave_) wave_->close();
#endif
        dut_.final();
    }

    void begin(bool write, uint64_t address, uint64_t words, uint32_t* buffer) {
        control_.begin(write, address, words, buffer, now_);
        control_.drive(dut_);
        dut_.eval();
    }

    int run(bool interrupt, uint64_t cycles) {
        if (!error.empty()) return kFailed;
        try {
            for (;; cycles--) {
                if (interrupt ? bool(dut_.INTERRUPT) : !control_.busy()) return kHappened;
                if (!cycles) return kRanOut;
                step();
            }
        } catch (const Violation& violation) {
            error = violation.message + " (cycle " + std::to_string(now_) + ")";
            return kFailed;
        }
    }

    struct TraceEvent {
        uint64_t cycle;
        uint32_t started, finished;
    };

    uint64_t cycles() const { return now_; }
    std::vector<TraceEvent> events;
    std::string error;

private:
    // One clock cycle: everybody samples, the edge, everybody drives, the combinational paths settle.
    void step() {
        if (dut_.trace_started | dut_.trace_finished)
            events.push_back({now_ - control_.started(), dut_.trace_started, dut_.trace_finished});
        const bool control_moved = control_.sample(dut_, now_);
        memory_.sample(dut_, now_);
        edge();
        if (control_moved) control_.drive(dut_);
        const bool memory_moved = memory_.drive(dut_, now_);
        settle(control_moved || memory_moved);
        check_assertions();
        now_++;
    }

#if CELOSIA_WAVE
    void edge() { dump(1); }
    void settle(bool) { dump(0); }

    void dump(bool clock) {
        dut_.clk = clock;
        dut_.eval();
        if (wave_) wave_->dump(10 * now_ + (clock ? 10 : 15));
    }
#else
    // Each change of the clock is an edge, and what is settled stays so while no input changes.
    void edge() {
        dut_.clk = !dut_.clk;
        dut_.eval();
    }

    void settle(bool moved) {
        if (moved) dut_.eval();
    }
#endif

    void open_wave([[maybe_unused]] const char* path) {
#if CELOSIA_WAVE
        if (!path) return;
        context_.traceEverOn(true);
        wave_ = std::make_unique<VerilatedVcdC>();
        wave_->set_time_unit("1ns");
        wave_->set_time_resolution("1ns");
        dut_.trace(wave_.get(), 99);
        wave_->open(path);
#endif
    }

    VerilatedContext context_;
#if CELOSIA_WAVE
    std::unique_ptr<VerilatedVcdC> wave_;
#endif
    Model dut_{&context_, "core"};
    Control control_;
    Memory memory_;
    uint64_t now_ = 0;
};

}  // namespace celosia

// --- what Python calls ---

#define EXPORT extern "C" __attribute__((visibility("default")))
using celosia::Simulation;

EXPORT Simulation* celosia_open(uint8_t* bytes, const celosia::MemoryOptions* options, const char* wave) {
    return new Simulation{bytes, *options, wave};
}
EXPORT void celosia_close(Simulation* simulation) { delete simulation; }
EXPORT void celosia_begin(Simulation* simulation, int write, uint64_t address, uint64_t words, uint32_t* buffer) {
    simulation->begin(write, address, words, buffer);
}
EXPORT int celosia_run(Simulation* simulation, int interrupt, uint64_t cycles) {
    return simulation->run(interrupt, cycles);
}
EXPORT uint64_t celosia_cycles(const Simulation* simulation) { return simulation->cycles(); }
EXPORT const char* celosia_error(const Simulation* simulation) { return simulation->error.c_str(); }
EXPORT uint64_t celosia_event_count(const Simulation* simulation) { return simulation->events.size(); }
EXPORT void celosia_take_events(Simulation* simulation, Simulation::TraceEvent* to) {
    std::copy(simulation->events.begin(), simulation->events.end(), to);
    simulation->events.clear();
}
