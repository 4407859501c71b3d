// SPDX-License-Identifier: Apache-2.0
// Included before everything: Verilator's run time calls the harness instead of printing to standard
// output and leaving the process.

#pragma once

void celosia_print(const char* format, ...);

#define VL_PRINTF celosia_print
#define VL_USER_STOP
#define VL_USER_FINISH
#define VL_USER_FATAL

// No alignment of the model is promised: GCC 12 vectorizes some of its straight code with aligned moves of parts that
// are not aligned, and the model crashes. Moves that need no alignment are as fast.
#include "verilatedos.h"
#undef VL_CACHE_LINE_BYTES
#define VL_CACHE_LINE_BYTES 8
