// SPDX-License-Identifier: Apache-2.0
// Included before everything: Verilator's run time calls the harness instead of printing to standard
// output and leaving the process.

#pragma once

void celosia_print(const char* format, ...);

#define VL_PRINTF celosia_print
#define VL_USER_STOP
#define VL_USER_FINISH
#define VL_USER_FATAL
