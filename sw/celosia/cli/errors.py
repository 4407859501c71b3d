# SPDX-License-Identifier: Apache-2.0
"""What a user of the command line can get wrong besides models, inputs, configurations and devices."""

__all__ = ["ArgumentError"]


class ArgumentError(ValueError):
    """An argument that cannot be used; one line names it and says what to do."""
