# Programs use tokens of services, whose roles define their rights. Some of the roles come from JSON.
import json

ROLES = json.loads('[{"name": "deploy", "services": ["deploy"], "scopes": ["admin:servers!group=lab", "list:users"]}]')
TOKENS = {"deploy": "a-token-of-thirty-two-characters", "metrics": "b-token-of-thirty-two-characters"}

c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_groups = {"lab": {"users": ["alice", "bob"]}}
c.JupyterHub.services = [dict(name=name, api_token=token) for name, token in TOKENS.items()]
c.JupyterHub.load_roles = [*ROLES, {"name": "metrics", "services": ["metrics"], "scopes": ["read:metrics"]}]
c.JupyterHub.token_expires_in_max_seconds = 86400
