# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypt the connections to kernels, so that other accounts of the host do not read what kernels say.

A kernel listens at ports of its host. It takes requests only with a key, but tells everyone who connects what it runs and outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import zmq
from jupyter_client.manager import KernelManager

from ..patch import patches

AUTO = "auto"
# For the administrator, if nothing of that is possible.
UNENCRYPTED = (
    "Other accounts of this host can listen to what kernels run and output, because jupyter-client or pyzmq cannot encrypt their connections. "
    'Update jupyter-client to 8.10 or newer, or set c.KernelManager.transport = "ipc"'
)


@patches("jupyter-client", (("7.4.4", "9"),), "jupyter_client.manager:KernelManager")
def encrypt_kernels() -> bool:
    """From now on, give each kernel that says it can encrypt its connections the keys for it. What an administrator has set stays.

    Return False, and change nothing, if that is not possible: releases of jupyter-client before 8.10 do not know this.
    """
    if not (hasattr(KernelManager, "transport_encryption") and zmq.has("curve")):
        return False
    KernelManager.transport_encryption.default_value = AUTO
    return True


def has_kernels_in_files(config: Mapping[str, Any]) -> bool:
    """Return whether a server's configuration has kernels listen at files of their account, and not at ports."""
    return any(isinstance(each, Mapping) and each.get("transport") == "ipc" for each in config.values())
