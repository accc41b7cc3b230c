# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that several test files attack. It is shared because it takes seconds to start."""

from collections.abc import Iterator

import pytest

from attacked_hub import Attacked


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Yield a hub whose server for alice started before the collection was installed, and which has been restarted with it since."""
    hub = Attacked(tmp_path_factory.mktemp("attacked"))
    with hub.running_since_before():
        hub.ask("POST", "users/mallory")
        yield hub
