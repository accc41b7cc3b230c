# Groups of the hub, and a role that one of them holds.
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.JupyterHub.load_groups = {"physics": {"users": ["alice", "bob"]}, "tutors": {"users": ["carol"]}}
c.JupyterHub.load_roles = [{"name": "tutors", "scopes": ["list:users!group=physics"], "groups": ["tutors"]}]
