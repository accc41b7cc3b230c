# Finds its data file by its own path.
import json
from pathlib import Path

settings = json.loads(Path(__file__).with_suffix(".json").read_text())

c.PAMAuthenticator.allowed_groups = set(settings["groups"])
c.JupyterHub.load_roles = settings["roles"]
