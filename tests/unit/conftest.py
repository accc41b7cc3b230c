# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub that several files of tests attack: it takes seconds to start."""

from collections.abc import Iterator

import pytest

from attacked_hub import Attacked


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """It was one without the collection when alice's server started, and has been started anew with it since."""
    hub = Attacked(tmp_path_factory.mktemp("attacked"))
    with hub.running_since_before():
        hub.ask("POST", "users/mallory")
        yield hub
