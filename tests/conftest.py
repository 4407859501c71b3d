# SPDX-License-Identifier: Apache-2.0
"""Property tests draw the same cases everywhere, so that a failure is everybody's; none is timed."""

from hypothesis import settings

settings.register_profile("celosia", derandomize=True, deadline=None)
settings.load_profile("celosia")
