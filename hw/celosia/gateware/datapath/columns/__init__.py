# SPDX-License-Identifier: Apache-2.0
"""One column pair of the systolic array: what all its bodies have in common, and a body for each FPGA family."""
