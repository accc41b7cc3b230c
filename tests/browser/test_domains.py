# SPDX-License-Identifier: GPL-3.0-or-later
"""If each user has a domain, what a server sends to a visitor's browser cannot act as the visitor elsewhere on the hub."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.demo import demo_hub
from browser.lab import Lab, arrive, come
from browser.sharing import SharingPage
from browser.windows import DOMAIN, window
from ports import free_port

HUB = "collab-domains"
# What a script in a server's page tries as its visitor. Each attempt returns what it could read or send, or why it failed.
ATTEMPTS = """async ({hub, page, own}) => {
    const tried = async attempt => { try { return await attempt(); } catch (error) { return `${error.name}`; } };
    const read = address => tried(async () => (await fetch(address, {credentials: "include"})).text());
    const send = (address, type, body) => tried(async () => {
        await fetch(address, {method: "POST", mode: "no-cors", credentials: "include", headers: {"Content-Type": type}, body});
        return "sent";
    });
    const opened = open(`${hub}/hub/home`);
    // Until the page has loaded, the window is empty, and belongs to this page.
    let found = "";
    for (let second = 0; second < 60 && !found; second++) {
        await new Promise(resolve => setTimeout(resolve, 1000));
        found = await tried(async () => opened.document.body.innerText.trim());
    }
    opened.close();
    return {
        "read the hub's page": await read(`${hub}/hub/token`),
        "read the sharing page": await read(`${page}/services/sharing/`),
        "read the visitor's server": await read(`${own}/user/bob/api/status`),
        "read a window with the hub's page": found,
        "send the hub a request for a token": await send(`${hub}/hub/api/users/bob/tokens`, "text/plain", '{"note": "stolen"}'),
        "send the page a request for a link": await send(
            `${page}/services/sharing/`, "application/x-www-form-urlencoded", "action=make-link"),
    };
}"""


def attempts(page: Page, hub: str, sharing: str, own: str) -> dict[str, str]:
    """Return what a script in a page could do, by attempt."""
    found: dict[str, str] = page.evaluate(ATTEMPTS, {"hub": hub, "page": sharing, "own": own})
    return found


@pytest.fixture(scope="module")
def bob_of_domains(browser: Browser) -> Iterator[tuple[Lab, str]]:
    """Open the shared server as bob, on a hub where each user has a domain. Yield it, and the part of the hub's address after its name."""
    port = free_port()
    address = f"{DOMAIN}:{port}"
    settings: dict[str, Any] = {
        "jupyterhub_subdomain_host": f"http://{address}",
        "jupyterhub_rtc_public_url": "",
    }
    with demo_hub(HUB, port, **settings) as told:
        passwords = dict(re.findall(r"user (\w+)\s+password (\w+)", told))
        page = window(browser)
        come(page, f"http://{address}/hub/spawn", "bob", passwords["bob"])
        page.goto(f"http://{address}/hub/spawn/shared")
        yield arrive(page, "bob"), address
        page.context.close()


def test_a_servers_page_reads_and_sends_nothing_as_its_visitor(bob_of_domains: tuple[Lab, str]) -> None:
    """A page of the shared server, which any user can change, reads nothing of other domains, and what it sends has no effect."""
    bob, address = bob_of_domains
    assert bob.page.url.startswith(f"http://shared.{address}/user/shared/")
    hub, sharing = f"http://{address}", f"http://sharing--service.{address}"
    found = attempts(bob.page, hub, sharing, f"http://bob.{address}")
    sent = {name for name in found if name.startswith("send")}
    assert {found[name] for name in sent} == {"sent"}, "the browser itself refused to send"
    assert {name: found[name] for name in found.keys() - sent} == {
        "read the hub's page": "TypeError",
        "read the sharing page": "TypeError",
        "read the visitor's server": "TypeError",
        "read a window with the hub's page": "SecurityError",
    }
    tab = bob.page.context.new_page()
    tab.goto(f"{hub}/hub/token")
    expect(tab.get_by_role("heading", name="API Tokens")).to_be_visible()
    expect(tab.get_by_text("stolen")).to_have_count(0)
    tab.goto(f"{sharing}/services/sharing/")
    SharingPage(tab)
    expect(tab.get_by_text("No active links.")).to_be_visible()


def test_on_a_single_domain_it_reads_the_hubs_pages(bob: Lab, entry: str) -> None:
    """Without domains, the same page can read what the hub tells its visitor, as the documentation says."""
    hub = "{0.scheme}://{0.netloc}".format(urlsplit(entry))
    found = attempts(bob.page, hub, hub, hub)
    assert "<title>JupyterHub</title>" in found["read the hub's page"]
    assert "bob" in found["read a window with the hub's page"]
    # The sharing page can at least refuse scripts.
    assert "not for scripts" in found["read the sharing page"]
