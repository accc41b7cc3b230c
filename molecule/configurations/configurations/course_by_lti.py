# A course that people reach from a learning platform: handlers of the authenticator, a fixed place to go to, links that fetch a repository.

from jupyterhub.auth import PAMAuthenticator
from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import url_path_join
from traitlets import Dict, Unicode


class LaunchHandler(BaseHandler):
    async def post(self):
        await self.login_user()
        self.redirect(self.get_body_argument("custom_next", self.authenticator.start_url))


class LaunchAuthenticator(PAMAuthenticator):
    auto_login = True
    login_service = "the learning platform"
    consumers = Dict(config=True)
    start_url = Unicode("/hub/home", config=True)

    def login_url(self, base_url):
        return url_path_join(base_url, "/lti/launch")

    def get_handlers(self, app):
        return [("/lti/launch", LaunchHandler), *super().get_handlers(app)]

    async def authenticate(self, handler, data):
        name = await super().authenticate(handler, data)
        return name and {"name": name, "admin": name == "carol", "auth_state": {"roles": "Learner"}}


c.JupyterHub.authenticator_class = LaunchAuthenticator
c.LaunchAuthenticator.consumers = {"key": "secret"}
c.LaunchAuthenticator.start_url = (
    "/hub/user-redirect/git-pull?repo=https%3A%2F%2Fexample.org%2Fcourse&urlpath=lab%2Ftree%2Fcourse"
)
c.LaunchAuthenticator.allow_all = True
c.Authenticator.enable_auth_state = False
c.JupyterHub.default_url = lambda handler: handler.authenticator.start_url
c.JupyterHub.tornado_settings = {
    "headers": {"Content-Security-Policy": "frame-ancestors 'self' https://learn.example.org"},
    "cookie_options": {"samesite": "None", "secure": True},
}
c.Spawner.default_url = "/lab"
c.Spawner.environment = {"NBGITPULLER_DEPTH": "1"}
