# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypt the connections to kernels, so that other accounts of the host do not read what kernels say.

A kernel listens at ports of its host. It takes requests only with a key, but tells everyone who connects what it runs and outputs.
"""

from __future__ import annotations

import zmq
from jupyter_client.manager import KernelManager

from ..patch import patches

AUTO = "auto"


@patches("jupyter-client", (("7.4.4", "9"),), "jupyter_client.manager:KernelManager")
def encrypt_kernels() -> None:
    """From now on, give each kernel that says it can encrypt its connections the keys for it. What an administrator has set stays.

    Releases of jupyter-client before 8.10 do not know this.
    """
    if hasattr(KernelManager, "transport_encryption") and zmq.has("curve"):
        KernelManager.transport_encryption.default_value = AUTO
