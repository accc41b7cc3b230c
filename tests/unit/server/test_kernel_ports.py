# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel listens at ports of its host, which all accounts there reach."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_core.paths import jupyter_runtime_dir

from jupyterhub_collab.patches.server.kernel_ports import UNENCRYPTED
from kernel_page import kernel_page
from local_server import Configured, LocalServer

pytestmark = pytest.mark.anyio
HEARD = 5_000  # milliseconds
UNHEARD = 1_000


@contextmanager
def listening(connection: dict[str, Any], *, with_keys: bool) -> Iterator[zmq.Socket[bytes]]:
    """Listen to what a kernel tells all who are connected."""
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.linger = 0
        if with_keys:
            socket.curve_serverkey = socket.curve_publickey = connection["curve_publickey"].encode()
            socket.curve_secretkey = connection["curve_secretkey"].encode()
        socket.connect(f"tcp://{connection['ip']}:{connection['iopub_port']}")
        socket.subscribe(b"")
        yield socket


async def test_other_accounts_do_not_hear_kernels(server: LocalServer) -> None:
    """Requirement 144: without the keys, which only the account of the kernel can read."""
    async with kernel_page(server, "work.ipynb") as page:
        file = Path(jupyter_runtime_dir(), f"kernel-{page.kernel}.json")
        assert file.stat().st_mode & 0o077 == 0
        connection = json.loads(file.read_text())
        with listening(connection, with_keys=False) as other, listening(connection, with_keys=True) as own:
            for number in range(2):  # the first may come before either listens
                await page.until_done(await page.run(f"print('a secret {number}')", "cell"))
            assert own.poll(HEARD)
            assert not other.poll(UNHEARD)


OLD = "import zmq\nzmq.has = lambda what: False\n"


@pytest.mark.parametrize(
    ("config", "is_told"),
    [("", False), (OLD, True), (f"{OLD}c.KernelManager.transport = 'ipc'\n", False)],
    ids=["encrypted", "not encrypted", "in files"],
)
def test_administrator_is_told_where_kernels_are_heard(config: str, is_told: bool, tmp_path: Path) -> None:
    """Requirement 144: in the log of the server, with the way out."""
    server = Configured(tmp_path, config)
    try:
        server.start()
        assert (UNENCRYPTED in server.log) is is_told
    finally:
        server.kill()
