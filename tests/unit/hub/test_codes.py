# SPDX-License-Identifier: GPL-3.0-or-later
"""How the hub answers for OAuth clients that do not exist."""

from types import SimpleNamespace

import pytest
from jupyterhub import orm, utils
from jupyterhub.oauth import provider
from jupyterhub.oauth.provider import JupyterHubRequestValidator

from jupyterhub_collab.patches.hub import codes


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
