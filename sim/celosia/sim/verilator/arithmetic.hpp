// SPDX-License-Identifier: Apache-2.0
// Included before the model: sign extension by two shifts, or one move, where Verilator masks, negates and
// combines. An array of multipliers does little else: it runs a quarter faster.

#pragma once

#include "verilated.h"

namespace celosia {

template <int bits>
inline IData extend(IData value) {
    return IData(int32_t(value << (32 - bits)) >> (32 - bits));
}

template <int bits>
inline QData extend_wide(QData value) {
    return QData(int64_t(value << (64 - bits)) >> (64 - bits));
}

}  // namespace celosia

#define VL_EXTENDS_II(obits, lbits, ...) celosia::extend<lbits>(__VA_ARGS__)
#define VL_EXTENDS_QI(obits, lbits, ...) celosia::extend_wide<lbits>(__VA_ARGS__)
#define VL_EXTENDS_QQ(obits, lbits, ...) celosia::extend_wide<lbits>(__VA_ARGS__)
