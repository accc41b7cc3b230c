# Copyright: collab.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run by the hub's own interpreter: its version, which command it starts servers with, and who checks logins.

    python -c SOURCE CONFIGURATION_FILE

Needs nothing but what every hub has, reads the configuration as `traitlets` does and starts nothing. Prints JSON.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from typing import Any

# Its authenticators log in whomever a web server in front names, past the hub's hooks and allow-lists.
PAST_HOOKS = "jhub_remote_user_authenticator"


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def load(path: str) -> Any:
    # Not above: an interpreter without it is reported like a configuration that does not load.
    from traitlets.config.loader import PyFileConfigLoader  # noqa: PLC0415

    return PyFileConfigLoader(os.path.basename(path), os.path.dirname(path)).load_config()


def commands(config: Any) -> list[list[str]]:
    """Return the commands that the configuration sets for spawners, whatever the class that it sets them on."""
    found = []
    for name, section in config.items():
        command = section.get("cmd") if name.endswith("Spawner") and hasattr(section, "get") else None
        if isinstance(command, str):
            command = [command]
        if isinstance(command, list):
            found.append([str(word) for word in command])
    return found


def trusts_front_end(config: Any) -> bool:
    """Return whether the authenticator takes the word of a web server in front for who somebody is, unchecked."""
    chosen = config.JupyterHub.get("authenticator_class", "")
    if isinstance(chosen, str) and "." in chosen:
        from traitlets.utils.importstring import import_item  # noqa: PLC0415

        chosen = import_item(chosen)
    return any(each.__module__.startswith(PAST_HOOKS) for each in getattr(chosen, "__mro__", ()))


def main(path: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "version": version("jupyterhub"),
        "prefix": sys.prefix,
        "error": "",
        "commands": [],
        "trusts_front_end": False,
    }
    try:
        config = load(path)
        result["commands"] = commands(config)
        result["trusts_front_end"] = trusts_front_end(config)
    # The configuration is somebody else's code: whatever it raises is worth a sentence.
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {error}"
    return result


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
    sys.stdout.flush()
    os._exit(0)  # code in the configuration may have started threads
