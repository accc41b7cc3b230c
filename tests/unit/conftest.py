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


# Their processes and files have numbers of accounts that are real to the host, so they would see each other's.
WITH_ACCOUNTS = {
    "test_account_numbers",
    "test_account_processes",
    "test_given_shares",
    "test_hub_proxy",
    "test_hub_socket",
    "test_project_archive",
    "test_shares",
    "test_side_doors",
    "test_transaction",
}


def pytest_itemcollected(item: pytest.Item) -> None:
    """In parallel processes (--dist=loadgroup) a file's tests stay together, with the hub or server that they share."""
    item.add_marker(
        pytest.mark.xdist_group("accounts" if item.path.stem in WITH_ACCOUNTS else str(item.path))
    )
