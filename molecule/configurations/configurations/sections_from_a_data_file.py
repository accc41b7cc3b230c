# Contains no settings: they come from a data file and are set in `c` by name, as lists where the hub has sets.
# The environment can override one of them.
import json
import os

path = os.environ.get("JUPYTERHUB_DATA", os.path.join(os.path.dirname(os.path.abspath(__file__)), "hub-data.json"))
with open(path) as stream:
    data = json.load(stream)
for section in data:
    for key, value in data[section].items():
        c[section][key] = value
if "JUPYTERHUB_DB_URL" in os.environ:
    c.JupyterHub.db_url = os.environ["JUPYTERHUB_DB_URL"]
del path, data
