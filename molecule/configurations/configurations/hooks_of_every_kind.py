# Hooks that are no plain functions: a method, a partial function, and an object that can be called. One of them is unset again.
from functools import partial


def note(what, spawner):
    with open("/run/hooks.log", "a") as log:
        print(what, spawner.user.name, file=log)


class Log:
    def started(self, spawner):
        note("start", spawner)

    def __call__(self, spawner):
        return note("stop", spawner)


async def judge(names, authenticator, handler, auth_model):
    return auth_model if auth_model["name"] in names else None


c.Authenticator.allow_all = True
c.Authenticator.post_auth_hook = partial(judge, ["alice", "bob", "carol", "shared"])
c.Spawner.pre_spawn_hook = Log().started
c.Spawner.post_stop_hook = Log()
c.PAMAuthenticator.post_auth_hook = None
