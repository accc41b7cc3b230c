# The settings are in the files of a directory, in the order of their names. Each gets the configuration through a helper.
import os
from pathlib import Path

c = get_config()
os.environ["HUB_PARTS"] = str(Path(__file__).parent / "parts.d")
for part in sorted(Path(__file__).parent.joinpath("parts.d").glob("[0-9]*.py")):
    load_subconfig(str(part))
c.JupyterHub.load_roles.append({"name": "last", "scopes": ["read:hub"], "users": ["carol"]})
