# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hub answers for OAuth clients that do not exist."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from jupyterhub import orm, utils
from jupyterhub.oauth import provider
from jupyterhub.oauth.provider import JupyterHubRequestValidator

from attacked_hub import Attacked
from jupyterhub_collab.patches.hub import codes
from stolen import page_for_code

# As MySQL does by default.
CAPITALS_DO_NOT_MATTER = """
from jupyterhub import orm
from sqlalchemy import String
orm.OAuthClient.__table__.c.identifier.type = String(255, collation="NOCASE")
"""


def test_name_in_capitals_is_no_way_around(tmp_path: Path) -> None:
    hub = Attacked(tmp_path / "hub")
    with (hub.directory / "jupyterhub_config.py").open("a") as file:
        file.write(CAPITALS_DO_NOT_MATTER)
    ways = {
        name: page_for_code("alice").replace("user-alice", name, 1) for name in ("user-alice", "USER-ALICE")
    }
    with hub.running(), hub.browser("alice") as alice, hub.browser("eve") as eve:
        for way in ways.values():
            assert "code=" in alice.get(way, follow_redirects=False).headers["location"]
            script = alice.get(way, headers={"Sec-Fetch-Dest": "empty"}, follow_redirects=False)
            assert script.status_code == 403
        refused = [
            eve.get(way).status_code for way in (*ways.values(), ways["USER-ALICE"].replace("ALICE", "BOB"))
        ]
        assert refused == [403, 403, 403]


@pytest.mark.parametrize("name", ["alice", "of-no-secret", "nobody"])
def test_secret_of_a_client_that_does_not_exist_is_hashed_too(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Hashing takes most of the time, so a stranger cannot measure which servers exist. A wrong secret is hashed once in any case."""
    compared: list[str] = []

    def compare(hashed: str, token: str) -> bool:
        compared.append(token)
        return bool(utils.compare_token(hashed, token))

    for module in (codes, provider):
        monkeypatch.setattr(module, "compare_token", compare)
    db = orm.new_session_factory("sqlite://")()
    for client, secret in (("alice", utils.hash_token("right")), ("of-no-secret", "")):
        db.add(orm.OAuthClient(identifier=client, secret=secret))
    codes.give_codes_to_tabs()
    validator = JupyterHubRequestValidator(db)

    def is_client(secret: str) -> bool:
        return bool(validator.authenticate_client(SimpleNamespace(client_id=name, client_secret=secret)))

    assert not is_client("wrong")
    assert compared == ["wrong"]
    assert is_client("right") is (name == "alice")
