# Merges separate configuration objects: the institute's first, then the house's.
from traitlets.config import Config

institute, house = Config(), Config()
institute.PAMAuthenticator.allowed_groups = {"nobody"}
institute.Spawner.args = ["--debug"]
institute.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "read:hub"]}]
house.PAMAuthenticator.allowed_groups = {"jupyterhub"}
house.JupyterHub.load_groups = {"physics": ["alice"]}
for part in (institute, house):
    c.merge(part)
c.update({"Spawner": {"environment": {"TEAM": "physics"}}})
