# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share: a hub that several files attack, because it takes seconds to start, and no applications of other tests."""

from collections.abc import Iterator

import pytest
from traitlets.config import Application

from attacked_hub import Attacked
from tiers import leave_out_long


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_long(config, items)


@pytest.fixture(autouse=True)
def no_other_application() -> Iterator[None]:
    """Forget the application that a test has created, because a process can have only one."""
    yield
    if Application.initialized():
        type(Application.instance()).clear_instance()


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Yield a hub whose server for alice started before the collection was installed, and which has been restarted with it since."""
    hub = Attacked(tmp_path_factory.mktemp("attacked"))
    with hub.running_since_before():
        hub.ask("POST", "users/mallory")
        yield hub
