# Settings in the sections of base classes, mixins and subclasses, which traitlets merges by inheritance.
from jupyterhub.spawner import LocalProcessSpawner
from traitlets import Unicode
from traitlets.config import Configurable


class Room(Configurable):
    room = Unicode("none").tag(config=True)


class RoomSpawner(Room, LocalProcessSpawner):
    def get_env(self):
        return {**super().get_env(), "ROOM": self.room}

    def get_args(self):
        return [*super().get_args(), "--ServerApp.quit_button=False"]

    async def run_pre_spawn_hook(self):
        with open("/run/hooks.log", "a") as log:
            print("room", self.user.name, self.room, file=log)
        return await super().run_pre_spawn_hook()


class ExamSpawner(RoomSpawner):
    room = Unicode("exam").tag(config=True)


def before(spawner):
    with open("/run/hooks.log", "a") as log:
        print("start", spawner.user.name, file=log)


c.JupyterHub.spawner_class = ExamSpawner
c.Room.room = "2.17"
c.RoomSpawner.environment.update({"TEAM": "physics"})
c.LocalProcessSpawner.args.append("--debug")
c.ExamSpawner.args.prepend(["--ServerApp.max_body_size=1000000"])
c.RoomSpawner.pre_spawn_hook = before
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
