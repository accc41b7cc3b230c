# Hooks of all asynchronous kinds: coroutines behind decorators and partial functions, tornado's, and one that answers much later.
import asyncio
import functools

from tornado import gen


def note(*words):
    with open("/run/hooks.log", "a") as log:
        print(*words, file=log)


def within(seconds):
    def decorate(function):
        @functools.wraps(function)
        async def limited(*arguments):
            return await asyncio.wait_for(function(*arguments), seconds)

        return limited

    return decorate


@within(5)
async def admit(authenticator, handler, auth_model):
    await asyncio.sleep(0)
    note("login", auth_model["name"])
    return {**auth_model, "admin": None}


@gen.coroutine
def prepare(spawner):
    yield gen.sleep(0.01)
    spawner.environment["PREPARED"] = "yes"
    note("start", spawner.user.name)


def after(spawner):
    async def stopped(name):
        note("stop", name)

    return asyncio.ensure_future(stopped(spawner.user.name))


c.Authenticator.post_auth_hook = functools.partial(admit)
c.Spawner.pre_spawn_hook = prepare
c.Spawner.post_stop_hook = after
c.Spawner.progress_ready_hook = lambda spawner, event: event
c.JupyterHub.user_redirect_hook = None
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
