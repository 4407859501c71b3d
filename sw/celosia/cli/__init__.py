# SPDX-License-Identifier: Apache-2.0
"""The command line: `celosia run`, `check`, `compile`, `demo`; one file a subcommand."""
