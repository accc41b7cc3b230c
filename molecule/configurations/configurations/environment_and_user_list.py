# Most settings come from environment variables, with defaults from another file. Users are in a text file, and one set has two
# names. `pwd` and `admin` do not mean what they usually do.
import os

pwd = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(pwd, "hub.env")) as lines:
    for line in lines:
        name, _, value = line.strip().partition("=")
        os.environ.setdefault(name, value)

c.JupyterHub.db_url = "{kind}://{where}/{name}".format(
    kind=os.environ["HUB_DATABASE_KIND"],
    where=os.environ["HUB_DATABASE_HOST"],
    name=os.environ["HUB_DATABASE"],
)
if "CONFIGPROXY_AUTH_TOKEN" in os.environ:
    c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.Spawner.args = ["--ServerApp.allow_origin={0}".format(os.environ.get("HUB_ORIGIN", "*"))]
c.Spawner.mem_limit = os.environ.get("HUB_MEMORY", "2G")

c.Authenticator.allowed_users = allowed = set()
c.Authenticator.admin_users = admin = set()
with open(os.path.join(pwd, "userlist.txt")) as lines:
    for line in lines:
        if parts := line.split():
            allowed.add(parts[0])
            if parts[1:] == ["admin"]:
                admin.add(parts[0])
