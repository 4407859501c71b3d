# SPDX-License-Identifier: Apache-2.0
"""One requantizer lane, and bodies for its multiplication."""
