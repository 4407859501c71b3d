// SPDX-License-Identifier: Apache-2.0
// A board's gateware with its clock and a serial line, as functions that run many cycles a call.

#include <cstring>
#include <deque>
#include <vector>

#include "assertions.hpp"
#include "ports.hpp"
#include "verilated.h"

namespace celosia {

// A bit's time as a fraction of the clock's: adds up without drift.
class BitTime {
public:
    BitTime(uint64_t clock_hz, uint64_t baud) : clock_hz_{clock_hz}, baud_{baud} {}

    // In how many parts of a cycle's share of a bit we are; `middle` begins half a bit ahead.
    void restart(bool middle) { phase_ = middle ? clock_hz_ / 2 : 0; }

    // One cycle; whether a bit's time is over.
    bool tick() {
        phase_ += baud_;
        if (phase_ < clock_hz_) return false;
        phase_ -= clock_hz_;
        return true;
    }

private:
    const uint64_t clock_hz_, baud_;
    uint64_t phase_ = 0;
};

// Bytes to the board: bits one after the other, without a gap while there are bytes.
class Sender {
public:
    explicit Sender(BitTime time) : time_{time} {}

    void give(const uint8_t* bytes, uint64_t count) { queue_.insert(queue_.end(), bytes, bytes + count); }
    uint64_t pending() const { return queue_.size() + (left_ > 0); }

    // The line's level in the next cycle.
    bool step() {
        if (time_.tick()) {
            if (left_) left_--;
            if (!left_ && !queue_.empty()) {
                shift_ = 0x200u | uint32_t(queue_.front()) << 1;
                queue_.pop_front();
                left_ = 10;
            } else {
                shift_ = shift_ >> 1 | 0x200u;
            }
        }
        return shift_ & 1;
    }

private:
    BitTime time_;
    std::deque<uint8_t> queue_;
    uint32_t shift_ = 0x3FF, left_ = 0;
};

// Bytes from the board: sampled in the middle of each bit.
class Receiver {
public:
    explicit Receiver(BitTime time) : time_{time} {}

    bool busy() const { return bit_ >= 0; }

    void step(bool level, std::vector<uint8_t>& to) {
        if (bit_ < 0) {
            if (!level) {
                bit_ = 0;
                time_.restart(true);
            }
            return;
        }
        if (!time_.tick()) return;
        if (bit_ == 0 && level) {
            bit_ = -1;
        } else if (bit_ == 9) {
            if (level) to.push_back(uint8_t(byte_));
            bit_ = -1;
        } else {
            byte_ = byte_ >> 1 | uint32_t(level) << 7;
            bit_++;
            if (bit_ == 1) byte_ = 0;
        }
    }

private:
    BitTime time_;
    int bit_ = -1;  // -1: idle
    uint32_t byte_ = 0;
};

class Board {
public:
    Board(uint64_t clock_hz, uint64_t baud) : sender_{{clock_hz, baud}}, receiver_{{clock_hz, baud}} {
        context_.fatalOnError(false);
        dut_.clk = 0;
        dut_.rst = 0;
        dut_.rx = 1;
        dut_.eval();
    }
    ~Board() { dut_.final(); }

    void give(const uint8_t* bytes, uint64_t count) { sender_.give(bytes, count); }
    uint64_t pending() const { return sender_.pending(); }
    bool receiving() const { return receiver_.busy(); }
    uint64_t cycles() const { return now_; }

    // Runs; whether nothing is wrong.
    bool run(uint64_t cycles) {
        if (!error.empty()) return false;
        try {
            for (; cycles; cycles--) step();
            return true;
        } catch (const Violation& violation) {
            error = violation.message + " (cycle " + std::to_string(now_) + ")";
            return false;
        }
    }

    std::vector<uint8_t> received;
    std::string error;

private:
    // One clock cycle: each change of the clock is an edge.
    void step() {
        dut_.clk = !dut_.clk;
        dut_.eval();
        receiver_.step(dut_.tx, received);
        dut_.rx = sender_.step();
        now_++;
        check_assertions();
    }

    VerilatedContext context_;
    Model dut_{&context_, "board"};
    Sender sender_;
    Receiver receiver_;
    uint64_t now_ = 0;
};

}  // namespace celosia

// --- what Python calls ---

#define EXPORT extern "C" __attribute__((visibility("default")))
using celosia::Board;

EXPORT Board* celosia_board_open(uint64_t clock_hz, uint64_t baud) { return new Board{clock_hz, baud}; }
EXPORT void celosia_board_close(Board* board) { delete board; }
EXPORT void celosia_board_give(Board* board, const uint8_t* bytes, uint64_t count) { board->give(bytes, count); }
EXPORT uint64_t celosia_board_pending(const Board* board) { return board->pending(); }
EXPORT int celosia_board_run(Board* board, uint64_t cycles) { return board->run(cycles); }
EXPORT uint64_t celosia_board_cycles(const Board* board) { return board->cycles(); }
EXPORT uint64_t celosia_board_received(const Board* board) { return board->received.size(); }
EXPORT void celosia_board_take(Board* board, uint8_t* to) {
    std::memcpy(to, board->received.data(), board->received.size());
    board->received.clear();
}
EXPORT const char* celosia_board_error(const Board* board) { return board->error.c_str(); }
