# SPDX-License-Identifier: Apache-2.0
"""The vendors' cells that bodies are built of, each with a model of it for simulation."""
