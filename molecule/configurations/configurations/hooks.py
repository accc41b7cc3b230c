# Plain functions as hooks of the base classes.
def note(*words):
    with open("/run/hooks.log", "a") as log:
        print(*words, file=log)


def notice_login(authenticator, handler, auth_model):
    note("login", auth_model["name"])
    return auth_model


def before_start(spawner):
    note("start", spawner.user.name)
    spawner.environment["TEAM"] = "physics"


c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.post_auth_hook = notice_login
c.Spawner.pre_spawn_hook = before_start
c.Spawner.post_stop_hook = lambda spawner: note("stop", spawner.user.name)
