# An authenticator whose hook is a method, so the hub ignores hooks in the configuration.
from jupyterhub.auth import PAMAuthenticator


class Gatekeeper(PAMAuthenticator):
    def post_auth_hook(self, authenticator, handler, auth_model):
        return auth_model


c.JupyterHub.authenticator_class = Gatekeeper
c.Gatekeeper.allowed_groups = {"jupyterhub"}
