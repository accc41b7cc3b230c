# Sections that are built as Config objects, assigned whole, and copied from others.
from traitlets.config import Config

site = Config()
site.JupyterHub.load_groups = {"physics": ["alice"]}
site.JupyterHub.template_vars.update({"announcement": "closed on Friday"})
site.PAMAuthenticator = Config(allowed_groups={"jupyterhub"}, open_sessions=False)
site.Spawner = Config({"args": ["--debug"], "environment": {"TEAM": "physics"}})
site.merge(Config(Spawner=Config(default_url="/lab")))
c.JupyterHub = site.JupyterHub.copy()
c["PAMAuthenticator"] = site["PAMAuthenticator"]
c.merge(Config(Spawner=site.Spawner))
if not c.JupyterHub.hub_connect_url:
    c.JupyterHub["load_roles"] = [
        dict(name="user", scopes=["self"]),
        dict(name="readers", scopes=["read:hub"], groups=["physics"]),
    ]
