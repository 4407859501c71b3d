# SPDX-License-Identifier: Apache-2.0
"""What other tools' files, and networks that they have no words for, can be wrong with."""

__all__ = ["ExchangeError"]


class ExchangeError(ValueError):
    """A file of another tool that cannot be read, or a network that its format cannot hold.

    The message is one line that names the file and the line or key, or the operator, and says what to do.
    """
