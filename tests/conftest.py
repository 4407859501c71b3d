# SPDX-License-Identifier: Apache-2.0
"""Property tests draw the same cases everywhere, so that a failure is everybody's; none is timed.

With ``--hypothesis-profile=mutation`` the first failing case is enough: it is not made smaller.
"""

import pytest
from hypothesis import Phase, settings

settings.register_profile("celosia", derandomize=True, deadline=None)
settings.register_profile(
    "mutation",
    settings.get_profile("celosia"),
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("celosia")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole boards first: they are the longest tests, and at the end one worker would wait for another's."""
    items.sort(key=lambda item: "sim_board" not in item.path.parts)
