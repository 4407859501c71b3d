// SPDX-License-Identifier: Apache-2.0
// Included before the model: short forms of what Verilator writes at length. Sign extension is two shifts, or one
// move, where Verilator masks, negates and combines; signed comparisons begin with it; the low bits of a product
// do not depend on it. A wide value is shifted without branches.

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

// Compares with the sign bit moved to the top, where the bits above it are gone.
template <int bits>
inline int32_t top(IData value) {
    return int32_t(value << (32 - bits));
}

template <int bits>
inline int64_t top_wide(QData value) {
    return int64_t(value << (64 - bits));
}

template <int bits>
inline WDataOutP shift_right(WDataOutP to, WDataInP const from, IData by) {
    constexpr unsigned words = (bits + 31) / 32;
    const unsigned skipped = by / 32, rest = by % 32;
    for (unsigned i = 0; i < words; i++) {
        const QData low = skipped + i < words ? from[skipped + i] : 0;
        const QData high = skipped + i + 1 < words ? from[skipped + i + 1] : 0;
        to[i] = EData((high << 32 | low) >> rest);
    }
    return to;
}

}  // namespace celosia

#define VL_EXTENDS_II(obits, lbits, ...) celosia::extend<lbits>(__VA_ARGS__)
#define VL_EXTENDS_QI(obits, lbits, ...) celosia::extend_wide<lbits>(__VA_ARGS__)
#define VL_EXTENDS_QQ(obits, lbits, ...) celosia::extend_wide<lbits>(__VA_ARGS__)
#define VL_LTS_III(bits, left, right) (celosia::top<bits>(left) < celosia::top<bits>(right))
#define VL_LTES_III(bits, left, right) (celosia::top<bits>(left) <= celosia::top<bits>(right))
#define VL_GTS_III(bits, left, right) (celosia::top<bits>(left) > celosia::top<bits>(right))
#define VL_GTES_III(bits, left, right) (celosia::top<bits>(left) >= celosia::top<bits>(right))
#define VL_LTS_IQQ(bits, left, right) (celosia::top_wide<bits>(left) < celosia::top_wide<bits>(right))
#define VL_LTES_IQQ(bits, left, right) (celosia::top_wide<bits>(left) <= celosia::top_wide<bits>(right))
#define VL_GTS_IQQ(bits, left, right) (celosia::top_wide<bits>(left) > celosia::top_wide<bits>(right))
#define VL_GTES_IQQ(bits, left, right) (celosia::top_wide<bits>(left) >= celosia::top_wide<bits>(right))
#define VL_MULS_III(bits, left, right) (IData(left) * IData(right))
#define VL_MULS_QQQ(bits, left, right) (QData(left) * QData(right))
#define VL_SHIFTR_WWI(obits, lbits, rbits, to, from, by) celosia::shift_right<obits>(to, from, by)
