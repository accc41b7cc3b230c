# SPDX-License-Identifier: GPL-3.0-or-later
"""Call a hub's API on the hub's host, and print as JSON how many milliseconds each answer takes. Runs with any Python.

time_calls.py TOKEN PATH...
"""

import http.client
import json
import sys
import time

token, *paths = sys.argv[1:]
hub = http.client.HTTPConnection("127.0.0.1", 8081)
headers = {"Authorization": f"token {token}", "Accept": "application/jupyterhub-pagination+json"}
took = []
for path in ("", *paths):  # the first call opens the connection and does not count
    begin = time.perf_counter()
    hub.request("GET", f"/hub/api/{path}", headers=headers)
    answer = hub.getresponse()
    content = answer.read()
    took.append((time.perf_counter() - begin) * 1000)
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {content.decode()}")
print(json.dumps(took[1:]))
