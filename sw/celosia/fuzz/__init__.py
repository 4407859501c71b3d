# SPDX-License-Identifier: Apache-2.0
"""Random networks on random cores: drawn, run on gateware, compared with the golden model and its reference."""
