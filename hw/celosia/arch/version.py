# SPDX-License-Identifier: Apache-2.0
"""The version of the contract between hardware and software (registers, commands, memory layouts)."""

VERSION = (0, 1)
"""Major, minor. Changes with any change that an old program or host would notice; hashed into
:attr:`celosia.arch.config.Config.hash`, so the two sides cannot drift apart unseen."""
