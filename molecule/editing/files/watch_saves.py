# SPDX-License-Identifier: GPL-3.0-or-later
"""Print twice a second how many tokens a file contains, as lines of JSON [seconds, number]: watch_saves.py PATH SECONDS"""

import json
import re
import sys
import time

LOOK = 0.5  # seconds


def main(path: str, seconds: str) -> None:
    begin = time.monotonic()
    while (now := time.monotonic() - begin) < float(seconds):
        with open(path) as file:
            print(json.dumps([now, len(re.findall(r"<[a-z]+\d+>", file.read()))]), flush=True)
        time.sleep(LOOK)


if __name__ == "__main__":
    main(*sys.argv[1:])
