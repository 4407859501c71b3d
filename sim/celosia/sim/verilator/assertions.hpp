// SPDX-License-Identifier: Apache-2.0
// What Verilator's run time calls instead of printing and leaving the process (hooks.hpp), and what becomes of it.
// For the one translation unit with the harness.

#pragma once

#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "common.hpp"

namespace celosia {

// What the gateware printed in this cycle, call by call, and whether one of its assertions failed.
static std::vector<std::string> printed;
static bool failed = false;

// Passes on what was printed; throws Violation for a failed assertion, whose own message is printed just before
// Verilator's.
static void check_assertions() {
    if (!failed && printed.empty()) return;
    const std::vector<std::string> texts = std::exchange(printed, {});
    if (std::exchange(failed, false)) {
        const bool named = texts.size() && texts[0].find("%Error: ") == std::string::npos;
        violate("an assertion of the gateware failed%s", named ? (": " + texts[0]).c_str() : "");
    }
    for (const std::string& text : texts) std::fputs(text.c_str(), stderr);
}

}  // namespace celosia

void celosia_print(const char* format, ...) {
    char text[4096];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    celosia::printed.push_back(text);
}

void vl_stop(const char*, int, const char*) { celosia::failed = true; }
void vl_finish(const char*, int, const char*) { celosia::failed = true; }
void vl_fatal(const char*, int, const char*, const char*) { celosia::failed = true; }
