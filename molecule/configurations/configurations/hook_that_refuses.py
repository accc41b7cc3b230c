# A hook that refuses users whose name is too short, and changes what the hub knows about the others.
def judge(authenticator, handler, auth_model):
    if len(auth_model["name"]) < 4:
        return None
    return {**auth_model, "admin": auth_model["name"] == "alice"}


c.PAMAuthenticator.allowed_groups = {"jupyterhub"}
c.Authenticator.post_auth_hook = judge
