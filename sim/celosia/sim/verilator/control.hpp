// SPDX-License-Identifier: Apache-2.0
// The AXI4-Lite initiator: one access of any number of words at a time, as fast as the core takes them.

#pragma once

#include "common.hpp"
#include "ports.hpp"

namespace celosia {

class Control {
public:
    // What the initiator's registers show before the first edge.
    void reset(Model& dut) {
        drive(dut);
        dut.CONTROL(bready) = dut.CONTROL(rready) = 1;
        dut.CONTROL(wstrb) = 15;
        dut.CONTROL(awprot) = dut.CONTROL(arprot) = 0;
    }

    void begin(bool write, uint64_t address, uint64_t words, uint32_t* buffer, uint64_t now) {
        write_ = write;
        address_ = address;
        words_ = words;
        buffer_ = buffer;
        addressed_ = given_ = answered_ = 0;
        last_transfer_ = now;
    }

    bool busy() const { return answered_ < words_; }

    // Edge that completed the latest write of CONTROL.START.
    uint64_t started() const { return started_; }

    // Takes what the core drives before clock edge `now`; whether there is something new to drive.
    bool sample(const Model& dut, uint64_t now) {
        if (!busy()) {
            if (dut.CONTROL(bvalid)) violate("control B: a response that no write asked for");
            if (dut.CONTROL(rvalid)) violate("control R: data that no read asked for");
            return false;
        }
        const uint64_t before = addressed_ + given_ + answered_;
        if (write_) sample_write(dut, now);
        else sample_read(dut);
        const bool moved = addressed_ + given_ + answered_ != before;
        if (moved) last_transfer_ = now;
        else if (now - last_transfer_ >= kPatience) {
            violate("control bus: no answer at %#llx in %llu cycles", word_address(answered_),
                    (unsigned long long)kPatience);
        }
        return moved;
    }

    // Drives the initiator's registers after a clock edge.
    void drive(Model& dut) const {
        const bool more = addressed_ < words_;
        dut.CONTROL(awvalid) = write_ && more;
        dut.CONTROL(arvalid) = !write_ && more;
        dut.CONTROL(wvalid) = write_ && given_ < words_;
        if (more) dut.CONTROL(awaddr) = dut.CONTROL(araddr) = word_address(addressed_);
        if (write_ && given_ < words_) dut.CONTROL(wdata) = buffer_[given_];
    }

private:
    unsigned long long word_address(uint64_t index) const { return address_ + 4 * index; }

    void sample_write(const Model& dut, uint64_t now) {
        if (dut.CONTROL(bvalid)) {
            if (answered_ >= addressed_ || answered_ >= given_)
                violate("control B: a response that no write asked for");
            if (dut.CONTROL(bresp)) violate("control bus: error %u on the write of %#llx", dut.CONTROL(bresp),
                                            word_address(answered_));
            answered_++;
        }
        const uint64_t complete = addressed_ < given_ ? addressed_ : given_;
        if (dut.CONTROL(awvalid) && dut.CONTROL(awready)) addressed_++;
        if (dut.CONTROL(wvalid) && dut.CONTROL(wready)) given_++;
        if ((addressed_ < given_ ? addressed_ : given_) == complete) return;
        if (word_address(complete) == kControlRegister && buffer_[complete] & kControlStart) started_ = now;
    }

    void sample_read(const Model& dut) {
        if (dut.CONTROL(rvalid)) {
            if (answered_ >= addressed_) violate("control R: data that no read asked for");
            if (dut.CONTROL(rresp)) violate("control bus: error %u on the read of %#llx", dut.CONTROL(rresp),
                                            word_address(answered_));
            buffer_[answered_++] = dut.CONTROL(rdata);
        }
        if (dut.CONTROL(arvalid) && dut.CONTROL(arready)) addressed_++;
    }

    bool write_ = false;
    uint64_t address_ = 0, words_ = 0, addressed_ = 0, given_ = 0, answered_ = 0;
    uint64_t last_transfer_ = 0, started_ = 0;
    uint32_t* buffer_ = nullptr;
};

}  // namespace celosia
