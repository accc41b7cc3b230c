# Limits by group: properties of the hub's groups, which a hook reads, and roles for groups.
COURSES = {"physics": ("4G", ["alice", "bob"]), "biology": ("2G", ["bob"])}


def largest(spawner):
    """Give each server the most that any group of its owner has."""
    properties = [group.properties for group in spawner.user.orm_user.groups]
    spawner.mem_limit = max((each.get("memory", "1G") for each in properties), default="1G")
    with open("/run/hooks.log", "a") as log:
        print("memory", spawner.user.name, spawner.mem_limit, file=log)


c.JupyterHub.load_groups = {
    name: {"users": people, "properties": {"memory": memory, "course": True}}
    for name, (memory, people) in COURSES.items()
}
c.JupyterHub.load_roles = [
    {"name": f"tutors-{name}", "scopes": [f"read:users:activity!group={name}"], "groups": [name]}
    for name in COURSES
]
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Spawner.pre_spawn_hook = largest
