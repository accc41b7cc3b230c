# SPDX-License-Identifier: GPL-3.0-or-later
"""A logout ends the sign-ins of its browser, whatever happened to that browser and its cookies since. Other browsers stay signed in."""

from collections.abc import Callable
from functools import partial

import httpx
import pytest

from attacked_hub import SERVER, Attacked
from local_hub import wait_until

SECONDS = 20  # the server asks the hub once a second, and the machine may be busy
PAGE = "/services/sharing/"
HUB, SESSION, REMEMBERED = "jupyterhub-hub-login", "jupyterhub-session-id", "jupyterhub-hub-login-session"


def lose(browser: httpx.Client, *names: str) -> None:
    """Make a browser forget cookies; without names, those that it does not keep when it is closed."""
    for cookie in list(browser.cookies.jar):
        if cookie.name in names or (not names and cookie.expires is None):
            browser.cookies.jar.clear(cookie.domain, cookie.path, cookie.name)


def restart(browser: httpx.Client) -> None:
    lose(browser)
    assert SESSION not in browser.cookies
    browser.get("/hub/home")


def expire(browser: httpx.Client) -> None:
    """Let the login at the hub expire. The hub deletes the cookie at the next visit of a page."""
    lose(browser, HUB)
    assert browser.get("/hub/home").url.path == "/hub/login"


def overwrite(browser: httpx.Client) -> None:
    """Set another session, as a server on the hub's domain can."""
    lose(browser, SESSION)
    browser.cookies.set(SESSION, "of-mallory", domain="127.0.0.1", path="/")


def forget_all(browser: httpx.Client) -> None:
    """Leave nothing but the login, as in a browser that logged in before the hub set its own cookie."""
    lose(browser, SESSION, REMEMBERED)
    browser.get("/hub/home")


def sign_in(browser: httpx.Client) -> None:
    browser.get(f"{SERVER}files/none")  # the first page that asks who the visitor is
    browser.get(PAGE)
    assert at_server(browser)
    assert at_page(browser)


def at_server(browser: httpx.Client) -> bool:
    return browser.get(f"{SERVER}api/contents").status_code == 200


def at_page(browser: httpx.Client) -> bool:
    return browser.get(PAGE, follow_redirects=False).status_code == 200


def is_out(browser: httpx.Client) -> bool:
    return not at_server(browser) and not at_page(browser)


def ask_to_log_in(browser: httpx.Client, name: str) -> None:
    page = browser.get("/hub/login").text
    xsrf = page.partition('name="_xsrf" value="')[2].partition('"')[0]
    browser.post("/hub/login", data={"username": name, "password": "x", "_xsrf": xsrf})


@pytest.mark.parametrize("happens", [restart, expire, overwrite, forget_all])
def test_logout_ends_all_sign_ins_of_its_browser(
    attacked: Attacked, happens: Callable[[httpx.Client], None]
) -> None:
    with attacked.browser("alice", page=attacked.page) as browser:
        sign_in(browser)
        happens(browser)
        assert at_server(browser) and at_page(browser)
        browser.get("/hub/logout")
        wait_until(partial(is_out, browser), SECONDS)


def test_logout_leaves_other_browsers_and_users(attacked: Attacked) -> None:
    """A logout of alice's ends her sign-ins in that browser, which was restarted, and no others, not even if it shows their session."""
    with (
        attacked.browser("alice", page=attacked.page) as browser,
        attacked.browser("alice", page=attacked.page) as other,
        attacked.browser("carol", page=attacked.page) as carol,
    ):
        for each in (browser, other, carol):
            sign_in(each)
        restart(browser)
        lose(browser, SESSION)
        browser.cookies.set(SESSION, other.cookies[SESSION], domain="127.0.0.1", path="/")
        browser.get("/hub/logout")
        wait_until(partial(is_out, browser), SECONDS)
        # Every server that the browser visits knows the session.
        with attacked.browser() as mallory:
            mallory.get("/hub/logout", headers={"Cookie": f"{SESSION}={other.cookies[SESSION]}"})
        assert at_server(other) and at_page(other)
        assert at_server(carol) and at_page(carol)


def test_sign_ins_in_one_browser_end_together_after_a_restart(attacked: Attacked) -> None:
    """What was signed in before and after a restart of the browser, and after a new login, belongs to one session."""
    with attacked.browser("alice", page=attacked.page) as browser:
        browser.get(f"{SERVER}files/none")
        restart(browser)
        browser.get(PAGE)
        expire(browser)
        ask_to_log_in(browser, "alice")
        assert at_server(browser) and at_page(browser)
        browser.get("/hub/logout")
        wait_until(partial(is_out, browser), SECONDS)


def test_login_of_another_user_ends_the_sign_ins_of_the_former(attacked: Attacked) -> None:
    """On a shared computer, the next user opens nothing with the sign-ins of someone whose login at the hub has expired."""
    with attacked.browser("alice", page=attacked.page) as browser:
        sign_in(browser)
        expire(browser)
        ask_to_log_in(browser, "mallory")
        assert "mallory" in browser.get("/hub/home").text
        wait_until(partial(is_out, browser), SECONDS)


def test_cookies_of_before_a_logout_show_nothing_at_once(attacked: Attacked) -> None:
    """Someone who shows the page's cookies right after a logout is asked to log in, and is not told whose they were."""
    with attacked.browser("alice", page=attacked.page) as browser:
        sign_in(browser)
        cookies = browser.build_request("GET", PAGE).headers["Cookie"]
        browser.get("/hub/logout")
        with attacked.browser(page=attacked.page) as thief:
            answer = thief.get(PAGE, headers={"Cookie": cookies}, follow_redirects=False)
    assert answer.status_code == 302
    assert "alice" not in answer.text
