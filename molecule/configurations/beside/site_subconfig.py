# Loaded by split_by_subconfig.py.
c = get_config()


def notice_login(authenticator, handler, auth_model):
    with open("/run/hooks.log", "a") as log:
        print("login", auth_model["name"], file=log)
    return auth_model


c.Authenticator.post_auth_hook = notice_login
c.JupyterHub.load_roles.append({"name": "user", "scopes": ["self", "read:hub"]})
