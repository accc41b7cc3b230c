# SPDX-License-Identifier: GPL-3.0-or-later
"""`jupyter_rtc_venv: auto` finds the environment of JupyterLab if hub, JupyterLab and kernels each have their own."""

import pytest
from testinfra.host import Host

from people import Hub, Person
from scenario import Credentials, Platform, edit_together, installed, keep_out, play


def test_package_is_where_jupyterlab_is(host: Host) -> None:
    """Requirement 47: the package is in the environment that runs JupyterLab."""
    assert installed(host, "/opt/lab/bin/python")["jupyter-collaboration"].startswith("5.0.")


@pytest.mark.parametrize("environment", ["hub", "science"])
def test_other_environments_are_as_they_were(environment: str, host: Host) -> None:
    """Requirement 47: the environments of the hub and of the kernel have not changed."""
    now = host.check_output(f"ls /opt/{environment}/lib/python3*/site-packages")
    assert now == host.check_output(f"cat /root/{environment}.before")


def test_two_people_edit_on_the_shared_server(alice: Person, bob: Person, host: Host) -> None:
    """Requirements 3 to 5: two people edit on the shared server."""
    edit_together(alice, bob, "shared", host)


def test_both_see_output_of_the_kernel_in_the_third_environment(alice: Person, bob: Person) -> None:
    """Requirement 69: code runs in a kernel whose environment has no packages for collaboration, and both see its output."""
    server = alice.open("shared")
    server.create_notebook("science.ipynb")
    server.session("science.ipynb", "science")
    with server.document("science.ipynb") as hers, bob.open("shared").document("science.ipynb") as his:
        hers.run_cell(hers.append_cell("import sys; print(sys.prefix)"))
        his.wait_until(lambda document: document.cells and document.printed(-1) == "/opt/science\n")


def test_outsiders_stay_out(hub: Hub, mallory: Credentials) -> None:
    """Mallory and a stranger are refused."""
    keep_out(hub, "shared", mallory)


def test_wrong_environment_is_refused_by_name(host: Host, platform: Platform) -> None:
    """If the variable names the wrong environment, the message names the right one."""
    wrong = play("jupyter_rtc", platform.name, jupyter_rtc_venv="/opt/science")
    assert wrong.code != 0
    assert (
        "JupyterLab is not installed in /opt/science. Set jupyterhub_rtc_venv (this hub starts its servers from /opt/lab)"
        in wrong.said
    )
    assert wrong.changed == 0
