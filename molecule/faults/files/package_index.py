# SPDX-License-Identifier: GPL-3.0-or-later
"""A useless package index: python3 package_index.py PORT.

/slow/simple never answers. /broken/simple has one release of jupyter-collaboration, which is not a valid archive.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHEEL = "jupyter_collaboration-5.0.99-py3-none-any.whl"
PAGE = "/broken/simple/jupyter-collaboration/"
# The metadata that the index has next to the release, so that installers choose it.
METADATA = "Metadata-Version: 2.1\nName: jupyter-collaboration\nVersion: 5.0.99\n"
ANSWERS = {
    PAGE: ("text/html", f'<a href="{WHEEL}" data-core-metadata="true">{WHEEL}</a>'.encode()),
    f"{PAGE}{WHEEL}.metadata": ("application/octet-stream", METADATA.encode()),
    f"{PAGE}{WHEEL}": ("application/octet-stream", b"no archive" * 1000),
}


class Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/slow/"):
            time.sleep(3600)
        kind, content = ANSWERS.get(self.path, ("text/plain", b""))
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Index).serve_forever()
