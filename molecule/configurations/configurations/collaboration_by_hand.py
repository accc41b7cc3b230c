# Collaboration as in JupyterHub's tutorial: for each project, an account whose server a group can open and start, roles that are only
# ever appended, and a hook that adds an option for the accounts of one group.
import pwd

from jupyterhub.auth import PAMAuthenticator

c = get_config()


class WithProjects(PAMAuthenticator):
    @staticmethod
    def system_user_exists(user):
        return True


PROJECTS = {"vox": {"members": ["alice", "bob"]}, "mail": {"members": ["bob"]}}

c.JupyterHub.authenticator_class = WithProjects
c.Authenticator.allowed_users = {each.pw_name for each in pwd.getpwall() if 1000 <= each.pw_uid < 50000} | {"alice", "bob"}
c.JupyterHub.load_groups = {"collaborative": []}

for project, about in PROJECTS.items():
    account = f"{project}-collab"
    c.JupyterHub.load_groups[project] = about["members"]
    c.JupyterHub.load_groups["collaborative"].append(account)
    c.JupyterHub.load_roles.append(
        {
            "name": f"collab-access-{project}",
            "scopes": [
                "admin-ui",
                f"admin:servers!user={account}",
                f"access:servers!user={account}",
                f"list:users!user={account}",
            ],
            "groups": [project],
        }
    )


def turn_on_where_people_work_together(spawner):
    if any(group.name == "collaborative" for group in spawner.user.groups):
        spawner.args.append("--LabApp.collaborative=True")


c.Spawner.pre_spawn_hook = turn_on_where_people_work_together
