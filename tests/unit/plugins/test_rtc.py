# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy, as pure functions of the variables and of what is on the host."""

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.collab.jupyterhub.plugins.module_utils.host import systemd_unit
from ansible_collections.collab.jupyterhub.plugins.module_utils.packages import lab
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy import rtc
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.settings import resolve
from ansible_collections.collab.jupyterhub.plugins.plugin_utils.policy.sharing import release

from jupyterhub_collab.hub import servers
from jupyterhub_collab.patches.releases import FITS

SETTINGS: dict[str, Any] = resolve({"jupyterhub_rtc_config_path": "/etc/hub.py"}, "hub.example.org").rtc
# A JupyterLab with all parts of jupyter-collaboration.
COMPLETE = {
    "jupyterlab": "4.6.6",
    "jupyter-collaboration": "5.0.4",
    **{name: low for name, (low, _high) in rtc.PARTS_FOR_LAB["4.6", "5"].items()},
}
HOST: dict[str, Any] = {
    "service": {"name": "jupyterhub", "exists": True, "running": True, "user": "root"},
    "config": {
        "path": "/etc/hub.py",
        "real_path": "/etc/hub.py",
        "exists": True,
        "directory_exists": True,
        "named_by_service": "/etc/hub.py",
        "is_the_hubs": True,
        "markers": [],
        "accounts": [],
    },
    "hub": {
        "python": "/usr/local/jupyterhub/bin/python",
        "version": "6.1.1",
        "error": "",
    },
    "servers": {
        "command": [],
        "environment": "/usr/local/jupyterhub",
        "is_lab": True,
        "account_names": "{USERNAME}",
    },
    "lab": {
        "environment": "/usr/local/jupyterhub",
        "unfinished": False,
        "python": "/usr/local/jupyterhub/bin/python",
        "versions": {"jupyterlab": "4.6.6", "jupyterhub": "6.1.1"},
    },
    "account": {"name": "shared", "exists": False},
    "state_directory_is_taken": False,
    "group": {"exists": True},
    "shared_accounts": [],
    "shared_users": [],
    "remembered": {"hubs": {"jupyterhub": "/etc/hub.py"}, "environments": [], "accounts": []},
}
# A host with no hub, on which the collection has never run.
BARE = {
    "service": {"exists": False, "running": False},
    "config": {"exists": False, "named_by_service": ""},
    "hub": {"python": "", "version": "", "error": "no hub"},
    "lab": {"python": "", "versions": {}},
    "group": {"exists": False},
    "remembered": {"hubs": {}},
}


def host(**parts: dict[str, Any]) -> dict[str, Any]:
    """Return a good host with some parts changed."""
    result = copy.deepcopy(HOST)
    for name, part in parts.items():
        result[name] |= part
    return result


def account(**properties: Any) -> dict[str, Any]:
    there = {"exists": True, "uid": 1005, "system": False, "person": False, "comment": "", "groups": []}
    return {"account": there | properties}


def test_good_host_has_no_problems() -> None:
    assert rtc.settings_problems(SETTINGS) == []
    assert rtc.host_problems(SETTINGS, HOST) == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"playbook_share_all_users": True}, "jupyter_rtc_share_all_users"),
        ({"user": "Shared User"}, "jupyterhub_rtc_user"),
        ({"user": ""}, "jupyterhub_rtc_user"),
        ({"user": "x" * 32}, "jupyterhub_rtc_user"),
        ({"user": "a/../../root"}, "jupyterhub_rtc_user"),
        ({"group": "-g"}, "jupyterhub_rtc_group"),
        ({"venv": "usr/local/jupyterhub"}, "jupyterhub_rtc_venv"),
        ({"config_path": "jupyterhub_config.py"}, "jupyterhub_rtc_config_path"),
        ({"public_url": "hub.example.org"}, "jupyterhub_rtc_public_url"),
        ({"state_directory": "var/lib/history"}, "jupyterhub_rtc_state_directory"),
        ({"state_directory": "/var/lib"}, "jupyterhub_rtc_state_directory"),
        ({"state_directory": "/var/lib/hub/../.."}, "jupyterhub_rtc_state_directory"),
        ({"state_directory": "/var/lib/hub/"}, "jupyterhub_rtc_state_directory"),
        ({"history_megabytes": 0}, "jupyterhub_rtc_history_megabytes"),
        ({"documents_per_person": 0}, "jupyterhub_rtc_documents_per_person is 0. Set it to 1 or more"),
        ({"websockets_per_person": 0}, "jupyterhub_rtc_websockets_per_person is 0"),
        ({"mem_limit": "4 GB"}, "jupyterhub_rtc_mem_limit"),
        ({"mem_limit": "0"}, "jupyterhub_rtc_mem_limit"),
        ({"cpu_limit": -0.5}, "jupyterhub_rtc_cpu_limit"),
        ({"idle_seconds": -2}, "jupyterhub_rtc_idle_seconds"),
        ({"email_domain": "@example.org"}, "jupyterhub_rtc_email_domain"),
        ({"level": "veiw"}, "jupyterhub_rtc_level is 'veiw'. Set it to edit or manage or view"),
        ({"level": "View"}, "jupyterhub_rtc_level is 'View'"),
        ({"level": "none"}, "jupyterhub_rtc_level is 'none'"),
        (
            {"level": "manage", "share_all_users": True},
            "Set it to edit or view, because nobody can start or stop another user's server in all users mode",
        ),
        ({"level": "all", "share_all_users": True}, "jupyterhub_rtc_level is 'all'. Set it to edit or view"),
        ({"snippet": "snippet.sh"}, "jupyterhub_rtc_snippet is 'snippet.sh'. Set it to the absolute path"),
        ({"snippet": "/tmp/"}, "jupyterhub_rtc_snippet"),
        ({"snippet": "/tmp"}, "jupyterhub_rtc_snippet"),
        ({"snippet": "/no/such/directory/snippet.sh"}, "Name a file in an existing directory there"),
        ({"image_directory": "image", "image_base": "lab:1"}, "jupyterhub_rtc_image_directory is 'image'"),
        ({"image_directory": "/tmp/", "image_base": "lab:1"}, "jupyterhub_rtc_image_directory is '/tmp/'"),
        (
            {"image_directory": "/etc/passwd", "image_base": "lab:1"},
            "'/etc/passwd'. Set it to the absolute path",
        ),
        ({"image_directory": "/tmp/image"}, "jupyterhub_rtc_image_base is ''. Set it to the image"),
        (
            {"image_directory": "/tmp/image", "image_base": "lab"},
            "with a tag, such as registry.example.org/team/lab:1",
        ),
        ({"image_base": "lab:1"}, "jupyterhub_rtc_image_directory is not, so no recipe would be written"),
    ],
)
def test_wrong_variables_are_named(wrong: dict[str, Any], named: str) -> None:
    (problem,) = rtc.settings_problems(SETTINGS | wrong)
    assert named in problem


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"service": {"exists": False}}, "jupyterhub_rtc_service"),
        ({"config": {"exists": False}}, "jupyterhub_rtc_config_path"),
        (
            {"config": {"named_by_service": "/srv/hub.py", "is_the_hubs": False}},
            "runs the hub with /srv/hub.py. Set jupyterhub_rtc_config_path to that file",
        ),
        ({"hub": {"version": ""}}, "jupyterhub_rtc_service"),
        ({"hub": {"version": "4.1.6"}}, "JupyterHub 4.1.6 is too old"),
        ({"hub": {"error": "SyntaxError: invalid"}}, "/etc/hub.py failed to load: SyntaxError"),
        ({"lab": {"python": "", "versions": {}}}, "jupyterhub_rtc_venv"),
        ({"lab": {"versions": {}}}, "jupyterhub_rtc_venv"),
        ({"lab": {"versions": {"jupyterlab": "4.3.9"}}}, "JupyterLab 4.3.9"),
        ({"lab": {"versions": {"jupyterlab": "5.0.0"}}}, "JupyterLab 5.0.0"),
        ({"servers": {"environment": "/opt/lab", "is_lab": False}}, "from /opt/lab"),
        (account(system=True, uid=33), "belongs to the system"),
        (account(person=True), "belongs to a person"),
        (account(), "jupyterhub_rtc_adopt_user"),
    ],
)
def test_what_is_wrong_with_a_host_is_named(wrong: dict[str, Any], named: str) -> None:
    (problem,) = rtc.host_problems(SETTINGS, host(**wrong))
    assert named in problem


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, account(comment=rtc.ACCOUNT_COMMENT)),
        ({"adopt_user": True}, account()),
        ({}, account() | {"config": {"markers": ["Utrecht's"]}}),
        ({}, account() | {"config": {"accounts": ["shared"]}}),
        ({}, account(name="shared") | {"remembered": {"accounts": ["shared"]}}),
        ({"share_all_users": True}, account(person=True)),
    ],
)
def test_accounts_that_may_be_shared(settings: dict[str, Any], found: dict[str, Any]) -> None:
    assert rtc.host_problems(SETTINGS | settings, host(**found)) == []


@pytest.mark.parametrize("all_users", [False, True])
def test_account_of_another_role_is_remembered_while_it_is_known(all_users: bool) -> None:
    """Another role's account is recorded while it is recognized.

    What marks it as shared is lost when the mode changes, but the account must be recognized when the mode changes back.
    """
    settings = SETTINGS | {"share_all_users": all_users}
    theirs = account() | {"config": {"markers": ["Utrecht's"]}}
    assert rtc.policy(settings, host(**theirs))["adopted"] == ["shared"]
    assert rtc.policy(settings, host(**theirs, remembered={"accounts": ["shared"]}))["adopted"] == []
    assert rtc.policy(settings, host(**account() | {"config": {"accounts": ["shared"]}}))["adopted"] == [
        "shared"
    ]
    for other in (account(), account(comment=rtc.ACCOUNT_COMMENT), {}):
        assert rtc.policy(settings, host(**other))["adopted"] == []
    someones = account(person=True) | {"config": {"markers": ["Utrecht's"]}}
    assert rtc.policy(settings, host(**someones))["adopted"] == []


def test_person_is_never_adopted() -> None:
    (problem,) = rtc.host_problems(SETTINGS | {"adopt_user": True}, host(**account(person=True)))
    assert "belongs to a person" in problem


def test_shared_user_gets_the_least_scopes() -> None:
    """The rtc fragment grants users only the scopes for the shared server. The scopes for sharing are another fragment's."""
    policy = rtc.policy(SETTINGS, HOST)
    assert policy["everyone"] == ["servers!server=shared/", "access:servers!server=shared/"]
    assert policy["accounts"] == ["shared"]


@pytest.mark.parametrize(
    ("settings", "level", "everyone", "told"),
    [
        ({}, "manage", ["servers!server=shared/", "access:servers!server=shared/"], "start, open and stop"),
        ({"level": "manage"}, "manage", ["servers!server=shared/", "access:servers!server=shared/"], "start"),
        ({"level": "edit"}, "edit", ["access:servers!server=shared/"], "open the `shared` server while"),
        ({"level": "view"}, "view", ["access:servers!server=shared/"], "view the `shared` server while"),
        ({"share_all_users": True}, "edit", ["access:servers"], "they edit files"),
        ({"share_all_users": True, "level": "view"}, "view", ["access:servers"], "view all running servers"),
    ],
)
def test_level_of_all_users_is_the_administrators(
    settings: dict[str, Any], level: str, everyone: list[str], told: str
) -> None:
    """Requirement B7: all users have the level of the variable, by default the highest one of the mode."""
    assert rtc.settings_problems(SETTINGS | settings) == []
    policy = rtc.policy(SETTINGS | settings, HOST)
    assert (policy["level"], policy["everyone"]) == (level, everyone)
    assert told in policy["table"][0]
    reads = " ".join(policy["warnings"])
    assert ("can read and change all files" in reads) is (level == "edit" and "share_all_users" in settings)


@pytest.mark.parametrize("no", [{"user_sharing": False}, {"share_all_users": True}])
def test_users_share_where_that_is_wanted(no: dict[str, Any]) -> None:
    assert rtc.policy(SETTINGS, HOST)["sharing"]
    assert not rtc.policy(SETTINGS | no, HOST)["sharing"]


def test_links_that_act_as_their_maker_are_warned_of() -> None:
    policy = rtc.policy(SETTINGS | {"impersonation_links": True}, HOST)
    (warning,) = policy["warnings"]
    assert "Anyone who opens such a link acts as that user" in warning


def test_all_users_get_one_scope() -> None:
    policy = rtc.policy(SETTINGS | {"share_all_users": True}, HOST)
    assert policy["everyone"] == ["access:servers"]
    assert policy["accounts"] == []
    assert any("all files of every user" in warning for warning in policy["warnings"])


@pytest.mark.parametrize(
    ("settings", "everyone", "owners", "sentence"),
    [
        (
            {},
            False,
            True,
            "The `shared` server and servers whose owners can share them have live collaboration. All others are plain JupyterLab",
        ),
        (
            {"opens_servers": True},
            False,
            True,
            "The `shared` server, the servers in jupyterhub_projects and jupyterhub_server_access and servers whose owners can share them "
            "have live collaboration. All others are plain JupyterLab",
        ),
        (
            {"user_sharing": False},
            False,
            False,
            "The `shared` server has live collaboration. All others are plain JupyterLab",
        ),
        ({"servers": "everyone"}, True, True, "All servers have live collaboration"),
        ({"share_all_users": True}, True, False, "All servers have live collaboration"),
    ],
)
def test_servers_that_people_share_are_live(
    settings: dict[str, Any], everyone: bool, owners: bool, sentence: str
) -> None:
    policy = rtc.policy(SETTINGS | settings, HOST)
    collaboration = policy["collaboration"]
    assert (collaboration["everyone"], collaboration["owners"]) == (everyone, owners)
    assert policy["table"][-1] == sentence


def test_nothing_is_live_by_itself() -> None:
    live = {"@jupyter/collaboration-extension", "@jupyter/docprovider-extension"}
    button = "@jupyter/collaboration-extension:shared-link"
    assert {*rtc.policy(SETTINGS, HOST)["lab"]["disabled_extensions"]} == live | {button}
    allowed = rtc.policy(SETTINGS | {"impersonation_links": True}, HOST)
    assert {*allowed["lab"]["disabled_extensions"]} == live


@pytest.mark.parametrize(
    ("settings", "domain"),
    [
        ({"email_domain": "example.org", "public_url": "https://hub.example.net"}, "example.org"),
        ({"public_url": "https://hub.example.net:8443/hub"}, "hub.example.net"),
        ({"public_url": "http://localhost:8000"}, "hub.example.org"),
        ({"inventory_hostname": "10.0.0.5"}, ""),
        ({"inventory_hostname": "hub"}, ""),
    ],
)
def test_addresses_end_as_the_hubs_does(settings: dict[str, Any], domain: str) -> None:
    assert rtc.email_domain(SETTINGS | settings) == domain


def test_directory_of_someone_else_is_not_taken() -> None:
    (problem,) = rtc.host_problems(SETTINGS, HOST | {"state_directory_is_taken": True})
    assert "jupyterhub_rtc_state_directory" in problem


@pytest.mark.parametrize(
    ("version", "safe"),
    [("5.2.1", False), ("5.5.3", False), ("5.5.4", True), ("6.0.1", False), ("6.1.1", True), ("7.0.0", True)],
)
def test_users_share_only_where_sharing_is_safe(version: str, safe: bool) -> None:
    policy = rtc.policy(SETTINGS, host(hub={"version": version}))
    assert policy["sharing"] is safe
    assert any(version in warning for warning in policy["warnings"]) is not safe


@pytest.mark.parametrize(
    ("lab", "package"),
    [
        ("4.4.0", "jupyter-collaboration>=4.4.2,<4.5"),
        ("4.5.9", "jupyter-collaboration>=4.4.2,<4.5"),
        ("4.6.0rc1", "jupyter-collaboration>=5.0.4,<5.1"),
        ("4.6.6", "jupyter-collaboration>=5.0.4,<5.1"),
        ("4.7.0", "jupyter-collaboration>=5.0.4,<5.1"),
    ],
)
def test_version_fits_the_lab(lab: str, package: str) -> None:
    policy = rtc.policy(SETTINGS, host(lab={"versions": {"jupyterlab": lab}}))
    assert policy["packages"] == [package]
    assert policy["constraints"][:2] == [f"jupyterlab=={lab}", package]
    named = {each.partition(">=")[0] for each in policy["constraints"][1:]}
    assert named == {"jupyter-collaboration", *next(iter(rtc.PARTS_FOR_LAB.values()))}


def test_what_the_play_installs_is_what_servers_protect() -> None:
    """The play installs only releases that servers protect, and checks each part.

    Otherwise, servers would run unprotected after a success.
    """
    for parts in rtc.PARTS_FOR_LAB.values():
        assert set(FITS) <= set(parts) <= set(lab.PACKAGES)
        for name, fits in FITS.items():
            low, high = map(release, parts[name])
            assert any(release(first) <= low and high <= release(last) for first, last in fits), name
    assert rtc.PARTS_FOR_LAB.keys() == rtc.COLLABORATION_FOR_LAB.keys() and rtc.RIVAL in lab.PACKAGES


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        ("jupyter-server-ydoc", "3.1.0a0", True),
        ("jupyter-server-ydoc", "3.2.0", False),
        ("jupyter-ydoc", "5.0.0", False),
        ("pycrdt", "0.15.0", False),
        ("pycrdt-websocket", "0.17.1", False),
        ("pycrdt-store", "0.2.0", False),
        ("jupyter-docprovider", "4.0.0", False),
        ("jupyter-collaboration-ui", "", False),
    ],
)
def test_each_part_is_asked_for(name: str, version: str, fits: bool) -> None:
    """Each part's version is checked, because jupyter-collaboration's version says nothing about its parts."""
    versions = {key: value for key, value in {**COMPLETE, name: version}.items() if value}
    policy = rtc.policy(SETTINGS, host(lab={"versions": versions}))
    assert (policy["packages"] == []) is fits
    asked = [each.partition(">=")[0] for each in policy["packages"]]
    assert fits or asked == ["jupyter-collaboration", name]


def test_chats_are_installed_next_to_collaboration() -> None:
    """Requirement V7: one variable installs the release of jupyterlab-chat that fits, and turns it off wherever there is no collaboration."""
    settings = SETTINGS | {"chat": True}
    assert rtc.CHAT in lab.PACKAGES
    for versions in (
        {"jupyterlab": "4.5.0"},
        {"jupyterlab": "4.6.6"},
        COMPLETE,
        COMPLETE | {rtc.CHAT: "0.22.1"},
    ):
        found = host(lab={"versions": versions})
        assert rtc.host_problems(settings, found) == []
        policy = rtc.policy(settings, found)
        assert policy["packages"][-1] == "jupyterlab-chat>=0.25.3,<0.26"
        assert "jupyterlab-chat>=0.25.3,<0.26" in policy["constraints"]
        assert "jupyterlab-chat-extension" in policy["lab"]["disabled_extensions"]
        assert "jupyterlab_chat" in policy["lab"]["disabled_server_extensions"]
        assert policy["collaboration"]["chat"] is True
    assert rtc.policy(settings, host(lab={"versions": COMPLETE | {rtc.CHAT: "0.25.3"}}))["packages"] == []


def test_chats_that_are_no_longer_wanted_are_off_everywhere() -> None:
    """The package stays until collaboration is removed. One that the administrator has installed is left alone."""
    found = host(lab={"versions": COMPLETE | {rtc.CHAT: "0.25.3"}})
    theirs = rtc.policy(SETTINGS, found)
    assert (
        theirs["packages"] == [] and "jupyterlab-chat-extension" not in theirs["lab"]["disabled_extensions"]
    )
    found["lab"]["settings"] = {"collab-rtc": rtc.policy(SETTINGS | {"chat": True}, found)["lab"]}
    ours = rtc.policy(SETTINGS, found)
    assert ours["packages"] == [] and ours["collaboration"]["chat"] is False
    assert ours["lab"] == found["lab"]["settings"]["collab-rtc"]


def test_chats_that_are_not_possible_are_refused() -> None:
    (problem,) = rtc.host_problems(
        SETTINGS | {"chat": True}, host(lab={"versions": {"jupyterlab": "4.4.10"}})
    )
    assert "4.4.10" in problem and "4.5 or newer" in problem and "jupyterhub_rtc_chat" in problem
    (problem,) = rtc.settings_problems(SETTINGS | {"chat": True, "servers": "none"})
    assert "jupyterhub_rtc_chat" in problem


def test_what_takes_the_place_of_collaboration_is_refused_by_name() -> None:
    versions = COMPLETE | {"jupyter-server-documents": "0.3.3"}
    (problem,) = rtc.host_problems(SETTINGS, host(lab={"versions": versions}))
    assert (
        "jupyter-server-documents 0.3.3" in problem and "jupyter-ai 3" in problem and "Uninstall" in problem
    )


def test_python_that_is_too_old_is_refused_in_words() -> None:
    (problem,) = rtc.host_problems(SETTINGS, host(lab={"python_version": "3.10"}))
    assert "3.10" in problem and "3.11 or newer" in problem
    assert rtc.host_problems(SETTINGS, host(lab={"python_version": "3.11"})) == []


@pytest.mark.parametrize("snippet", ["", "/tmp/snippet.sh"])
def test_servers_from_elsewhere_need_the_snippet(snippet: str) -> None:
    """If servers run elsewhere, the host's environments are not checked and nothing is installed there, but a warning names the snippet."""
    settings = SETTINGS | {"venv": "none", "snippet": snippet}
    found = host(lab={"environment": "", "python": "", "versions": {}})
    assert rtc.settings_problems(settings) == []
    assert rtc.host_problems(settings, found) == []
    policy = rtc.policy(settings, found)
    assert policy["packages"] == policy["constraints"] == []
    (warning,) = policy["warnings"]
    assert (snippet or "jupyterhub_rtc_snippet") in warning


def test_images_are_built_from_the_recipe() -> None:
    settings = SETTINGS | {"venv": "none", "image_directory": "/home/me/image", "image_base": "lab:1"}
    assert rtc.settings_problems(settings) == []
    (warning,) = rtc.policy(settings, host(lab={"environment": "", "python": "", "versions": {}}))["warnings"]
    assert "needs the recipe of this version of the collection. Build it from /home/me/image. " in warning


def test_nothing_is_installed_where_it_fits_already() -> None:
    versions = COMPLETE
    assert rtc.policy(SETTINGS, host(lab={"versions": versions}))["packages"] == []
    cut_off = host(lab={"versions": versions, "unfinished": True})
    assert rtc.policy(SETTINGS, cut_off)["packages"] != []
    old = versions | {"jupyter-collaboration": "4.4.2"}
    assert rtc.policy(SETTINGS, host(lab={"versions": old}))["packages"] != []


def test_accounts_of_another_name_or_mode_are_retired() -> None:
    """Accounts of an earlier name or mode are retired, as hub users and on the host, where names may be longer."""
    found = host(account={"name": "jupyter-shared"}) | {
        "shared_accounts": ["jupyter-shared", "jupyter-team"],
        "shared_users": ["shared", "team"],
    }
    policy = rtc.policy(SETTINGS, found)
    assert (policy["accounts"], policy["retired"]) == (["shared"], ["team"])
    assert policy["host_accounts"] == ["jupyter-shared"]
    assert policy["retired_host_accounts"] == ["jupyter-team"]
    policy = rtc.policy(SETTINGS | {"share_all_users": True}, found)
    assert (policy["accounts"], policy["retired"]) == ([], ["shared", "team"])
    assert policy["host_accounts"] == []
    assert policy["retired_host_accounts"] == ["jupyter-shared", "jupyter-team"]


def test_account_that_cannot_be_named_is_refused() -> None:
    found = host(account={"name": "jupyter-{USERID}"}, servers={"account_names": "jupyter-{USERID}"})
    assert "jupyter-{USERID}" in " ".join(rtc.host_problems(SETTINGS, found))
    assert rtc.host_problems(SETTINGS | {"share_all_users": True}, found) == []


def test_file_among_those_of_a_directory_may_be_made() -> None:
    """A file in a directory that the hub reads, as in The Littlest JupyterHub, may be created.

    Elsewhere, it must be the file that the unit names.
    """
    part = {"path": "/opt/tljh/config/jupyterhub_config.d/zz-collab.py", "exists": False}
    assert rtc.host_problems(SETTINGS, host(config=part)) == []
    assert len(rtc.host_problems(SETTINGS, host(config=part | {"directory_exists": False}))) == 1
    assert len(rtc.host_problems(SETTINGS, host(config=part | {"named_by_service": ""}))) == 1
    other = {"path": "/etc/other.py", "is_the_hubs": False}
    assert len(rtc.host_problems(SETTINGS, host(config=other))) == 1


@pytest.mark.parametrize(
    ("settings", "hub", "address"),
    [
        ({}, {"bind_url": "http://10.0.0.5:8000"}, "http://10.0.0.5:8000/hub/spawn/shared"),
        ({}, {"bind_url": "http://[2001:db8::5]:8000"}, "http://[2001:db8::5]:8000/hub/spawn/shared"),
        (
            {},
            {"public_url": "https://x.org:8443/j/", "base_url": "/j/"},
            "https://x.org:8443/j/hub/spawn/shared",
        ),
        (
            {"public_url": "https://y.org", "user": "team"},
            {"public_url": "https://x.org/", "base_url": "/j/"},
            "https://y.org/j/hub/spawn/team",
        ),
        ({"share_all_users": True}, {"public_url": "https://x.org/"}, "https://x.org/hub/home"),
        (
            {"level": "edit"},
            {"public_url": "https://x.org/j", "base_url": "/j/"},
            "https://x.org/j/user/shared/",
        ),
        ({"level": "view"}, {"public_url": "https://x.org/"}, "https://x.org/user/shared/"),
    ],
)
def test_address(settings: dict[str, Any], hub: dict[str, Any], address: str) -> None:
    assert rtc.addresses(SETTINGS | settings, hub)["users"] == address


@pytest.mark.parametrize(
    ("hub", "begins"),
    [
        ({"bind_url": "http://:8000"}, "http://HOST:8000/hub/spawn/shared, "),
        ({"bind_url": "http://[::]:8000"}, "http://HOST:8000/hub/spawn/shared, "),
        (
            {"bind_url": "http://*:80/jupyter/", "base_url": "/jupyter/"},
            "http://HOST/jupyter/hub/spawn/shared, ",
        ),
        # A proxy that gets its port from elsewhere, such as The Littlest JupyterHub's.
        (
            {"bind_url": "http://:8000", "front_url": "http://:80", "front_answers": True},
            "http://HOST/hub/spawn/shared, ",
        ),
        ({"bind_url": "http://:8000", "front_url": "https://:8443"}, "https://HOST:8443/hub/spawn/shared, "),
    ],
)
def test_name_that_the_hub_does_not_know_is_left_open(hub: dict[str, Any], begins: str) -> None:
    """A host's name in the inventory may be an alias that only the controller knows."""
    told = rtc.addresses(SETTINGS, hub)["users"]
    assert told.startswith(begins)
    assert "Set jupyterhub_rtc_public_url" in told
    assert SETTINGS["inventory_hostname"] not in told


@pytest.mark.parametrize(
    ("hub", "why"),
    [
        ({"bind_url": "http://127.0.0.1:8000/jupyter/"}, "another web server"),
        ({"bind_url": "http://localhost:8000"}, "another web server"),
        ({"bind_url": "http://[::1]:8000", "front_answers": False}, "another web server"),
        ({"bind_url": "http+unix://%2Frun%2Fproxy.sock"}, "another web server"),
        ({"bind_url": "unix+http://%2Frun%2Fproxy.sock"}, "another web server"),
        (
            {"bind_url": "http://:8000", "front_url": "http://:8000", "front_answers": False},
            "the hub does not answer where its proxy should listen",
        ),
    ],
)
def test_address_that_nobody_knows_is_not_guessed(hub: dict[str, Any], why: str) -> None:
    """If the address is unknown, the variable to set is named. No host-only address, no port and no path without the prefix is given."""
    addresses = rtc.addresses(SETTINGS, hub | {"base_url": "/jupyter/"})
    told, page = addresses["users"], addresses["sharing"]
    assert told.startswith("unknown, because ")
    assert why in told
    assert "Set jupyterhub_rtc_public_url" in told
    assert "/jupyter/hub/spawn/shared" in told
    assert "://" not in told
    assert "/jupyter/services/sharing/" in page
    assert "://" not in page


REMOVAL = SETTINGS | {"state": "absent"}


@pytest.mark.parametrize(
    "parts",
    [
        {},
        BARE,
        {"service": {"exists": False}},
        {"hub": {"version": "4.1.6"}},
        {"hub": {"error": "SyntaxError: invalid"}},
        {"lab": {"versions": {"jupyterlab": "4.3.9"}}},
        {"config": {"exists": False}},
        account(person=True),
    ],
)
def test_removal_asks_for_nothing_that_only_collaboration_needs(parts: dict[str, Any]) -> None:
    wrong = {"playbook_share_all_users": True, "venv": "here", "user": "Shared User", "public_url": "hub"}
    assert rtc.settings_problems(REMOVAL | wrong) == []
    assert rtc.host_problems(REMOVAL, host(**parts)) == []


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        ({"service": {"name": "hub"}}, "Set jupyterhub_rtc_service"),
        ({"config": {"path": "/etc/b.py", "real_path": "/etc/b.py"}}, "Set jupyterhub_rtc_config_path"),
    ],
)
def test_removal_from_another_hub_than_it_was_given_to_is_refused(parts: dict[str, Any], named: str) -> None:
    (problem,) = rtc.host_problems(REMOVAL, host(**parts))
    assert named in problem


def test_removal_needs_to_know_the_file() -> None:
    (problem,) = rtc.settings_problems(REMOVAL | {"config_path": "hub.py"})
    assert "jupyterhub_rtc_config_path" in problem


@pytest.mark.parametrize(
    ("made", "confirmation", "problems"),
    [
        (["shared"], "shared", 0),
        (["shared"], "", 1),
        (["shared"], "alice", 1),
        (["team"], "shared", 1),
        (["team"], "team", 0),
        (["shared", "team"], "shared", 1),
        ([], "shared", 0),
    ],
)
def test_files_are_deleted_only_where_the_account_is_named(
    made: list[str], confirmation: str, problems: int
) -> None:
    settings = REMOVAL | {"delete_home": True, "confirm_delete": confirmation}
    assert len(rtc.host_problems(settings, HOST | {"shared_accounts": made})) == problems
    assert rtc.host_problems(settings | {"delete_home": False}, HOST | {"shared_accounts": made}) == []


def test_files_of_an_account_that_was_adopted_are_not_deleted() -> None:
    settings = REMOVAL | {"delete_home": True, "confirm_delete": "shared"}
    (problem,) = rtc.host_problems(settings, host(**account()))
    assert "this role did not create the account shared" in problem


@pytest.mark.parametrize("part", ["hub", "lab"])
@pytest.mark.parametrize(("version", "fits"), [("3.10.12", False), ("3.9.2", False), ("3.11.2", True)])
def test_python_that_is_too_old_is_refused_alike(part: str, version: str, fits: bool) -> None:
    problems = rtc.host_problems(SETTINGS, host(**{part: {"python_version": version}}))
    assert (problems == []) is fits
    assert fits or f"runs with Python {version}, but collaboration needs 3.11 or newer" in problems[0]


def test_unit_that_shuts_the_hub_in_is_told_what_to_add() -> None:
    shut = {"shut": rtc.written(SETTINGS)[:1]}
    (problem,) = rtc.host_problems(SETTINGS, host(service=shut))
    assert "Add StateDirectory=jupyterhub-rtc and StateDirectoryMode=0711 to the unit" in problem
    elsewhere = SETTINGS | {"state_directory": "/srv/hub/rtc"}
    (problem,) = rtc.host_problems(elsewhere, host(service={"shut": rtc.written(elsewhere)[:1]}))
    assert (
        "Create this directory (mkdir -p), add ReadWritePaths=/srv/hub/rtc to the unit and restart it"
        in problem
    )
    assert rtc.host_problems(SETTINGS, host(service=shut | {"user": "hub"})) == []


def test_servers_that_are_not_prepared_and_cullers_beside_the_hub_are_named() -> None:
    found = host(
        servers={"other_environments": ["/opt/conda/envs/r"]},
        service={"cullers": ["cull.service"]},
    )
    warnings = " ".join(rtc.policy(SETTINGS, found)["warnings"])
    assert "servers from /opt/conda/envs/r, but only" in warnings
    assert "The hub stops a server that is not prepared" in warnings
    assert "culler of cull.service is not a service" in warnings
    assert "jupyterhub_rtc_idle_seconds to less than its timeout" in warnings
    warnings = " ".join(
        rtc.policy(SETTINGS | {"idle_seconds": 600, "refuse_unprepared": False}, found)["warnings"]
    )
    assert "culler" not in warnings
    assert "Nothing protects a server that is not prepared" in warnings


def test_two_hubs_of_a_host_share_nothing() -> None:
    """Two hubs on a host share no directory, account or port. Different ones are accepted."""
    other = {"unit": "hub-b", "accounts": ["shared"], "overlaps": True, "port": 0}
    found = host(remembered={"others": [other]})
    problems = rtc.host_problems(SETTINGS, found)
    for name in ("jupyterhub_rtc_state_directory", "jupyterhub_rtc_user", "jupyterhub_sharing_port"):
        assert [name in problem and "hub-b" in problem for problem in problems].count(True) == 1
    found = host(remembered={"others": [other | {"overlaps": False}]})
    apart = {"user": "team", "sharing": SETTINGS["sharing"] | {"port": "906"}}
    team = found | {"account": {"name": "team", "exists": False}}
    assert rtc.host_problems(SETTINGS | apart, team) == []
    # What counts is the account on the host, not the hub's name for its user.
    assert "The account shared is the shared account of the hub hub-b" in ". ".join(
        rtc.host_problems(SETTINGS | apart, found)
    )
    assert rtc.host_problems(SETTINGS | {"share_all_users": True}, found) == []


def test_home_that_is_kept_for_another_hub_is_not_taken() -> None:
    """The other hub's users have left their files there."""
    (problem,) = rtc.host_problems(SETTINGS, host(account={"kept_for": "hub-b"}))
    assert "The home directory of the account shared has files that are kept for the hub hub-b" in problem


def test_two_hubs_need_a_directory_each_for_their_configuration() -> None:
    """Each would load the fragments of the other one, and a removal would delete them."""
    found = host(config={"beside": "hub-b"})
    for settings in (SETTINGS, REMOVAL):
        (problem,) = rtc.host_problems(settings, found)
        assert "The hub hub-b has its configuration in the same directory, /etc" in problem


def test_directory_service_that_does_not_answer_is_waited_for() -> None:
    """It may have an account, a group or numbers that the play would assign."""
    (problem,) = rtc.host_problems(SETTINGS, host() | {"silent_directories": ["sss"]})
    assert "The host's directory service (sss in /etc/nsswitch.conf) does not answer" in problem


def test_account_and_group_of_a_directory_are_not_created_while_it_is_away() -> None:
    """SSSD answers that there are none while it cannot reach its server. People in the group would lose access to the hub."""
    there = {"directories": ["sss"]}
    adopted = host(remembered={"accounts": ["shared"]})
    assert rtc.host_problems(SETTINGS, adopted) == []
    (problem,) = rtc.host_problems(SETTINGS, adopted | there)
    assert "The account shared does not exist any more" in problem
    assert "in a directory (sss) that this host cannot reach now" in problem
    applied = host(config={"accounts": ["shared"]}, group={"exists": False})
    assert rtc.host_problems(SETTINGS, applied) == []
    assert rtc.host_problems(SETTINGS, host(group={"exists": False}) | there) == []
    (problem,) = rtc.host_problems(SETTINGS, applied | there)
    assert "The group jupyterhub does not exist any more" in problem
    ours = host(
        config={"accounts": ["shared"]}, group={"exists": False}, remembered={"groups": ["jupyterhub"]}
    )
    assert rtc.host_problems(SETTINGS, ours | there) == []


def test_database_that_shows_the_hub_an_old_state_is_refused() -> None:
    """The hub would see neither a token of ours nor other changes for minutes. MySQL and MariaDB do this by default."""
    (problem,) = rtc.host_problems(SETTINGS, host(servers={"isolation": "REPEATABLE READ"}))
    assert "isolation level REPEATABLE READ" in problem
    assert '"isolation_level": "READ COMMITTED" to c.JupyterHub.db_kwargs' in problem


def test_unit_that_cannot_write_the_sharing_log_is_refused() -> None:
    log = "/var/log/jupyterhub-sharing.jsonl"
    found = host(service={"shut": [log], "user": "root"})
    (problem,) = rtc.host_problems(SETTINGS, found)
    assert f"does not allow the hub to write to {log}" in problem
    assert "Add ReadWritePaths=/var/log to the unit" in problem
    elsewhere = SETTINGS | {"sharing": SETTINGS["sharing"] | {"log": "/srv/log/sharing.jsonl"}}
    assert rtc.host_problems(elsewhere, found) == []
    assert rtc.host_problems(SETTINGS, host(service={"shut": [log], "user": "hub"})) == []
    # Without live collaboration, too.
    assert problem in rtc.host_problems(SETTINGS | {"servers": "none"}, found)


@pytest.mark.parametrize(
    ("settings", "found", "said"),
    [
        ({}, {"account": {"group_exists": True}}, "a group shared already exists"),
        ({"group": "shared"}, {}, "a group shared is set as jupyterhub_rtc_group"),
    ],
)
def test_account_needs_a_group_of_its_name(
    settings: dict[str, Any], found: dict[str, Any], said: str
) -> None:
    """useradd would fail, and members of an existing group could come by what belongs to the account."""
    (problem,) = rtc.host_problems(SETTINGS | settings, host(**found))
    assert said in problem
    existing = {"exists": True, "comment": rtc.ACCOUNT_COMMENT, "groups": ["jupyterhub", "shared"]}
    there = {**found.get("account", {}), **existing, "system": False, "person": False}
    assert rtc.host_problems(SETTINGS | settings, host(account=there)) == []


def test_group_that_is_kept_elsewhere_is_said_before_anything_changes() -> None:
    """A group that is not defined on the host is reported before anything changes, unless the account is already a member."""
    (problem,) = rtc.host_problems(SETTINGS, host(group={"local": False}))
    assert "The group jupyterhub is not defined on this host" in problem
    member = {"comment": rtc.ACCOUNT_COMMENT, "groups": ["jupyterhub"], "system": False, "person": False}
    assert rtc.host_problems(SETTINGS, host(group={"local": False}, account={"exists": True, **member})) == []


def test_homes_that_root_may_not_make_are_said_before_anything_changes() -> None:
    elsewhere = {"path": "/home", "writable": False}
    (problem,) = rtc.host_problems(SETTINGS, host() | {"homes": elsewhere})
    assert "jupyterhub_rtc_adopt_user" in problem


@pytest.mark.parametrize(
    ("command", "warned"),
    [
        (["bash", "-c", "exec /opt/lab/bin/jupyterhub-singleuser"], True),
        ([], False),
        (["conda", "run", "-n", "lab", "/opt/lab/bin/jupyterhub-singleuser"], False),
        (["/opt/lab/start-lab"], True),
    ],
)
def test_command_that_may_keep_options_to_itself_is_named(command: list[str], warned: bool) -> None:
    assert servers.COMMANDS == rtc.TAKES_OPTIONS
    warnings = rtc.policy(SETTINGS, host(servers={"command": command}))["warnings"]
    assert any(f"`{' '.join(command)}`, which may not pass" in warning for warning in warnings) is warned


def test_roles_ask_a_host_for_the_same_in_the_same_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both roles state the same requirements for a host in the same words: one installs a hub, and the other adds to an existing one."""
    rules = yaml.safe_load((Path(__file__).parents[3] / "roles/jupyterhub/vars/main.yml").read_text())
    sentences = [rule["otherwise"] for rule in rules["__jupyterhub_rules"]]
    monkeypatch.setattr(os.path, "isdir", lambda _path: False)
    with pytest.raises(systemd_unit.NoSystemd) as no:
        systemd_unit.show("jupyterhub")
    assert f"{str(no.value).capitalize()}." in [sentence.capitalize() for sentence in sentences]


ONLY_SHARING = SETTINGS | {"servers": "none"}


def test_sharing_alone_needs_only_the_hub_and_jupyterlab() -> None:
    """No account, no directory and no release of JupyterLab that live collaboration supports."""
    taken = {"exists": True, "comment": "someone", "system": False, "person": True}
    old = {"versions": {"jupyterlab": "3.6.1", "jupyter-server-documents": "0.1"}}
    found = host(account=taken, lab=old) | {"state_directory_is_taken": True}
    assert len(rtc.host_problems(SETTINGS, found)) == 3
    assert rtc.host_problems(ONLY_SHARING, found) == []
    (problem,) = rtc.host_problems(ONLY_SHARING, host(hub={"version": "5.5.3"}))
    assert "JupyterHub 5.5.3 has a known vulnerability in sharing. Update it to 5.5.4 or 6.1.1" in problem
    (problem,) = rtc.host_problems(ONLY_SHARING, host(lab={"versions": {}}))
    assert problem.startswith("JupyterLab is not installed in /usr/local/jupyterhub")


def test_sharing_alone_grants_nothing_else_and_removes_the_rest() -> None:
    found = host() | {"shared_users": ["shared", "team"], "shared_accounts": ["shared", "team"]}
    wanted = rtc.policy(ONLY_SHARING, found)
    assert (wanted["mode"], wanted["live"], wanted["sharing"]) == ("sharing only", False, True)
    for name in ("everyone", "accounts", "host_accounts", "packages", "warnings"):
        assert wanted[name] == []
    assert wanted["retired"] == wanted["retired_host_accounts"] == ["shared", "team"]
    assert wanted["table"][0] == "Nobody can open another user's server, unless its owner shares it"
    assert rtc.addresses(ONLY_SHARING, {"public_url": "https://hub.example.org"}) == {
        "users": "https://hub.example.org/hub/home",
        "sharing": "https://hub.example.org/services/sharing/",
    }


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"share_all_users": True},
            "but servers need live collaboration in all users mode. Set it to everyone",
        ),
        ({"user_sharing": False}, "so there is nothing to set up. To remove collaboration, set"),
        (
            {"sharing": {**SETTINGS["sharing"], "level": "view"}},
            "only live collaboration keeps users from editing",
        ),
        ({"snippet": "/tmp/snippet.sh"}, "jupyterhub_rtc_snippet prepares servers for live collaboration"),
        (
            {"image_directory": "/tmp/image", "image_base": "lab:1"},
            "jupyterhub_rtc_image_directory prepares servers for live collaboration",
        ),
        ({"level": "view"}, "so no server is open to all users. Remove one of the two variables"),
    ],
)
def test_what_sharing_alone_contradicts(settings: dict[str, Any], sentence: str) -> None:
    assert rtc.settings_problems(SETTINGS | settings) == []
    (problem,) = rtc.settings_problems(ONLY_SHARING | settings)
    assert sentence in problem


def test_limits_of_sharing_are_checked_before_the_host() -> None:
    """Also if users cannot share, because servers still ask the hub again after these seconds."""
    wrong = SETTINGS | {"sharing": SETTINGS["sharing"] | {"revocation_seconds": 0}}
    for settings in (wrong, wrong | {"share_all_users": True}):
        (problem,) = rtc.settings_problems(settings)
        assert problem.startswith("jupyterhub_sharing_revocation_seconds is 0")
    assert rtc.settings_problems(wrong | {"state": "absent"}) == []
