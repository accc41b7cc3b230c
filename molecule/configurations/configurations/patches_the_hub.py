# Patches the hub's own classes: the home page, stopping a server, and deleting a user.
from functools import wraps

from jupyterhub.handlers.pages import HomeHandler
from jupyterhub.user import User, UserDict


def noted(method):
    @wraps(method)
    async def with_note(self, *arguments, **options):
        self.log.debug("%s is called", method.__name__)
        return await method(self, *arguments, **options)

    return with_note


HomeHandler.get = noted(HomeHandler.get)
User.stop = noted(User.stop)
delete = UserDict.delete


def delete_and_tell(users, key):
    users[key].log.info("%s goes", users[key].name)
    return delete(users, key)


UserDict.delete = delete_and_tell
c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
