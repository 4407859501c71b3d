# SPDX-License-Identifier: Apache-2.0
"""The compiler's passes, one a file; :mod:`celosia.compiler.pipeline` runs them."""
