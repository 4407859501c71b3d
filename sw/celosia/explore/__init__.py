# SPDX-License-Identifier: Apache-2.0
"""Many cores, memories and strategies for some networks: what each costs, and which are worth their area."""
