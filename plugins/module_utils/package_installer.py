# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools that put packages into an environment: which there are, how to call them, what to tell them."""

from __future__ import annotations

import configparser
import contextlib
import importlib.util
import os
import shutil
import ssl
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.collab.jupyterhub.plugins.module_utils.python_environment import (
    Environment,
    PackagesError,
    Run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Settings of pip and what uv calls them. An administrator sets them once, for pip, and expects them to hold.
UV_NAMES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "constraint": "UV_CONSTRAINT",
    "timeout": "UV_HTTP_TIMEOUT",
}
#: What they are called in the environment, where pip looks for them besides.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY")
#: For people who install for themselves; here it is said where packages go.
MISLEADING = {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
SECTIONS = ("global", "install")  # the stronger one last
NO_INDEX = "no-index"
HOW = "Install pip first (on Debian: apt install python3-venv)"
DEBIAN_WHEELS = Path("/usr/share/python-wheels")
SYSTEM_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
PIP_FILES = ("/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")


@dataclass(frozen=True)
class Installer:
    name: str
    command: list[str]
    """What precedes ``install`` and ``uninstall``."""
    target: list[str]
    """What follows them, so that the right environment is meant."""
    options: list[str] = field(default_factory=list)
    """What an installation needs besides."""
    planner: Installer | None = None
    """What decides on the versions, where this one does not see everything that is there."""
    fallback: Installer | None = None
    """What is tried where this one cannot reach what the other may."""

    def install(self, *arguments: str) -> list[str]:
        return [*self.command, "install", *self.target, *self.options, *arguments]

    def install_afresh(self, *arguments: str) -> list[str]:
        """Writes every file again, though the packages seem to be there."""
        flag = {"uv": "--reinstall", "pip": "--ignore-installed"}[self.name]
        return self.install(flag, "--no-deps", *arguments)

    def uninstall(self, *names: str) -> list[str]:
        yes = ["--yes"] if self.name == "pip" else []
        return [*self.command, "uninstall", *self.target, *yes, *names]


def own_python() -> str:
    return sys.executable


def pips_at_hand(environment: Environment) -> list[list[str]]:
    """Every pip that can work in the environment, the environment's own first."""
    pips = []
    if environment.pip:
        pips.append([environment.python, "-m", "pip"])
    if importlib.util.find_spec("pip"):
        pips.append([own_python(), "-m", "pip", "--python", environment.python])
    bundled = Path(os.__file__).parent / "ensurepip" / "_bundled"
    wheels = [*bundled.glob("pip-*.whl"), *DEBIAN_WHEELS.glob("pip-*.whl")]
    # A wheel is a zip, and Python runs what is in a zip.
    return pips + [[environment.python, str(wheel / "pip")] for wheel in wheels[:1]]


def find_uv(environment: Environment, tool_directory: str, on_path: str | None) -> str | None:
    beside = str(Path(environment.python).parent / "uv")
    own = str(Path(tool_directory) / "bin" / "uv")
    return next((path for path in (on_path, beside, own) if path and os.access(path, os.X_OK)), None)


def fetch_uv(run: Run, pips: list[list[str]], tool_directory: str) -> str | None:
    """A uv of our own, or None where none can be had."""
    if not pips:
        return None
    fresh = Path(f"{tool_directory}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    status, _out, _err = run([*pips[0], "install", "--no-deps", "--retries=1", "--target", str(fresh), "uv"])
    if status != 0 or not os.access(fresh / "bin" / "uv", os.X_OK):
        shutil.rmtree(fresh, ignore_errors=True)
        return None
    shutil.rmtree(tool_directory, ignore_errors=True)
    fresh.replace(tool_directory)
    return str(Path(tool_directory) / "bin" / "uv")


def allowed(environment: Environment) -> list[str]:
    """The administrator asked for the system's Python by name, so its marker (PEP 668) is answered."""
    return ["--break-system-packages"] if environment.externally_managed else []


def choose(
    run: Run,
    environment: Environment,
    tool_directory: str,
    uv_on_path: str | None,
    options: list[str],
    may_fetch: bool = True,
) -> Installer:
    """The tool for this environment: uv, which is ten times as fast as pip, or pip.

    uv ignores packages that the distribution has installed next to the environment's own, and would install second copies over them.
    pip respects them, but can fail to replace them. So pip decides there, and uv installs.
    """
    pips = pips_at_hand(environment)
    if environment.foreign and environment.is_system and not pips:
        raise PackagesError(
            f"Only pip respects the packages that the distribution has installed there, but it is not available. {HOW}."
        )
    flags = allowed(environment)
    pip = Installer("pip", pips[0], flags) if pips else None
    planner = pip if environment.foreign else None
    uv = find_uv(environment, tool_directory, uv_on_path)
    if not uv and may_fetch:
        uv = fetch_uv(run, pips, tool_directory)
    if uv:
        target = ["--python", environment.python, *flags]
        # uv has asked several times already.
        fallback = pip and replace(pip, options=["--retries=1"], planner=planner)
        return Installer("uv", [uv, "pip"], target, options, planner, fallback)
    if pip:
        return replace(pip, planner=planner)
    raise PackagesError(f"Neither uv nor pip is available. {HOW}.")


def pip_settings(env: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """What pip is told by its files and, stronger, by the environment."""
    parser = configparser.RawConfigParser(strict=False)
    named = env.get("PIP_CONFIG_FILE", "")
    files = [] if named == os.devnull else [*PIP_FILES, f"{prefix}/pip.conf", *filter(None, [named])]
    with contextlib.suppress(configparser.Error):  # pip will say so, where pip is asked
        parser.read([Path(path).expanduser() for path in files])
    settings = {
        name.replace("_", "-"): value
        for section in SECTIONS
        if parser.has_section(section)
        for name, value in parser.items(section)
    }
    for name in [*UV_NAMES, "proxy", NO_INDEX]:
        settings[name] = env.get("PIP_" + name.upper().replace("-", "_")) or settings.get(name, "")
    settings["cert"] = settings["cert"] or next(filter(None, map(env.get, CERTIFICATES)), "")
    return {name: " ".join(value.split()) for name, value in settings.items() if value}


QUIET = {
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_ROOT_USER_ACTION": "ignore",
    # As pip does: users' servers cannot write it into root's environment, and would compile at every start.
    "UV_COMPILE_BYTECODE": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
}


def tool_environment(env: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """What the tools have to be told in addition to the task's environment."""
    told = dict(QUIET)
    told.update({name: settings[key] for key, name in UV_NAMES.items() if key in settings})
    if "find-links" in settings:
        told["UV_FIND_LINKS"] = settings["find-links"].replace(" ", ",")
    if "extra-index-url" in settings:
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's way with several indexes
    if env.get("UV_INDEX_URL"):
        told.pop("UV_DEFAULT_INDEX", None)
    if "proxy" in settings:
        # pip takes one for both, with or without its scheme, whatever the environment says.
        proxy = settings["proxy"] if "://" in settings["proxy"] else f"http://{settings['proxy']}"
        told |= dict.fromkeys((*PROXIES, *map(str.lower, PROXIES)), proxy)
        env = {name: value for name, value in env.items() if name.upper() not in PROXIES}
    if has_certificates():
        told |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # the latter for releases before the former
    return {name: value for name, value in told.items() if not env.get(name)} | MISLEADING


def has_certificates() -> bool:
    """Whether this host has a store of authorities' certificates; uv has its own, and asks one of them alone."""
    there = ssl.get_default_verify_paths()
    return any(path and os.path.exists(path) for path in (there.cafile, *SYSTEM_CERTIFICATES))


def uv_options(settings: Mapping[str, str]) -> list[str]:
    """The one setting that uv takes from no variable."""
    return ["--no-index"] if settings.get(NO_INDEX, "").lower() in ("1", "on", "true", "yes") else []


def constraint_arguments(folder: str, constraints: list[str]) -> list[str]:
    if not constraints:
        return []
    path = Path(folder, "constraints.txt")
    path.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
    return ["--constraint", str(path)]
