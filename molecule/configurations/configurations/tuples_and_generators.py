# Tuples, generators and sets, where lists are usual.
from itertools import chain


def graders(courses):
    for course in courses:
        yield {"name": f"graders-{course}", "groups": (course,), "scopes": (f"list:users!group={course}",)}


c.PAMAuthenticator.allowed_groups = ("jupyterhub",)
c.Authenticator.admin_users = ["carol"]
c.JupyterHub.load_groups = {"physics": ("alice", "bob"), "biology": ("bob",)}
c.JupyterHub.load_roles = tuple(chain([{"name": "readers", "scopes": {"read:hub"}, "users": {"bob"}}], graders(("physics", "biology"))))
c.JupyterHub.services = ({"name": "watch", "api_token": "a-token-of-thirty-two-characters"},)
c.Spawner.args = ("--debug",)
