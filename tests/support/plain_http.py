# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests to servers of tests, with httpx.

httpx reads the certificates of all authorities for each client, and so for each request: some 30 ms of CPU time, while a request takes
less than 1. Here, they are read once.
"""

from functools import partial

import httpx

CERTIFICATES = httpx.create_ssl_context()
PATIENCE = 60  # seconds for a request, because the machine may be busy

request = partial(httpx.request, verify=CERTIFICATES, trust_env=False, timeout=PATIENCE)
get, post, delete = (partial(request, method) for method in ("GET", "POST", "DELETE"))
Client = partial(httpx.Client, verify=CERTIFICATES, trust_env=False, timeout=PATIENCE)


def answers(url: str) -> bool:
    """Return whether a server answers, with 200."""
    try:
        return bool(get(url).status_code == 200)
    except httpx.HTTPError:
        return False
