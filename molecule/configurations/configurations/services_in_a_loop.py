# Services and their roles from one table, as ordered dictionaries.
from collections import OrderedDict

TABLE = {
    "announcements": {"url": "http://127.0.0.1:9990"},
    "exchange": {
        "url": "http://127.0.0.1:9991",
        "oauth_no_confirm": True,
        "oauth_redirect_uri": "/services/exchange/oauth_callback",
    },
    "prometheus": {"api_token": "a-token-of-thirty-two-characters"},
}
SCOPES = {"prometheus": ["read:metrics"], "announcements": ["read:users:name"]}

c.JupyterHub.services = []
c.JupyterHub.load_roles = []
for name, about in TABLE.items():
    c.JupyterHub.services += [OrderedDict(name=name, **about)]
    if name in SCOPES:
        c.JupyterHub.load_roles += [OrderedDict(name=f"of-{name}", scopes=SCOPES[name], services=[name])]
c.JupyterHub.load_roles += [
    {
        "name": "visitors",
        "scopes": [f"access:services!service={name}" for name in TABLE if "url" in TABLE[name]],
        "users": ["alice", "bob"],
    }
]
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
