// SPDX-License-Identifier: Apache-2.0
// What both bus models use: errors, stalls, and the check that a payload is held until it is taken.

#pragma once

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

namespace celosia {

// A broken rule: it stops the simulation and becomes a TransportError.
struct Violation {
    std::string message;
};

[[noreturn]] inline void violate(const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    throw Violation{text};
}

// Which channels stall in a cycle: xorshift64, as celosia.sim.memory.Stalls.
class Stalls {
public:
    struct Draw {
        bool ar, aw, w, r, b;
    };

    Stalls(uint32_t steps, uint64_t seed) : steps_{steps}, state_{seed ^ 0x9E3779B97F4A7C15u} {
        if (!state_) state_ = 1;
    }

    Draw draw() {
        if (!steps_) return {};
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        const auto hit = [this](int shift) { return (state_ >> shift & 4095) < steps_; };
        return {hit(0), hit(12), hit(24), hit(36), hit(48)};
    }

private:
    uint32_t steps_;
    uint64_t state_;
};

// How much longer than the latency each burst takes: xorshift64, as celosia.sim.memory.Delays.
class Delays {
public:
    Delays(uint64_t jitter, uint64_t seed, unsigned direction)
        : range_{jitter + 1}, state_{seed ^ (0xD1B54A32D192ED03u + direction)} {
        if (!state_) state_ = 1;
    }

    uint64_t draw() {
        if (range_ == 1) return 0;
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return (state_ >> 20) % range_;
    }

private:
    uint64_t range_, state_;
};

// One channel the core drives: once valid, it stays valid with the same payload until it is taken.
template <typename Payload>
class Held {
public:
    explicit Held(const char* name) : name_{name} {}

    void check(bool valid, bool ready, const Payload& payload) {
        if (waiting_ && !valid) violate("%s: valid was dropped before ready", name_);
        if (waiting_ && !(payload == payload_)) violate("%s: the payload changed before ready", name_);
        waiting_ = valid && !ready;
        if (waiting_) payload_ = payload;
    }

private:
    const char* name_;
    bool waiting_ = false;
    Payload payload_{};
};

}  // namespace celosia
