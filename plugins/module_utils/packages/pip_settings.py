# SPDX-License-Identifier: GPL-3.0-or-later
"""Read pip's settings, and pass those that say where packages come from to pip and uv."""

from __future__ import annotations

import configparser
import contextlib
import os
import ssl
from collections.abc import Mapping

# Administrators configure pip, and expect this to apply everywhere. The corresponding variables of uv:
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
# The options of uv for settings that are on or off, and for lists of packages.
UV_SWITCHES = {
    "no-index": "--no-index",
    "no-cache-dir": "--no-cache",
    "require-hashes": "--require-hashes",
    "pre": "--prerelease=allow",
}
UV_LISTS = {"no-binary": "--no-binary", "only-binary": "--only-binary"}
ON = ("1", "on", "true", "yes", "t", "y")
# Settings for users who install packages for themselves: what to install and where to, or what to print. Here, arguments say so.
MISLEADING = (
    *("target", "prefix", "root", "python", "user", "require-virtualenv"),
    *(
        "requirement",
        "editable",
        "group",
        "upgrade",
        "upgrade-strategy",
        "force-reinstall",
        "ignore-installed",
    ),
    *("no-deps", "dry-run", "quiet", "report"),
)
SECTIONS = ("global", "install")  # the last one takes precedence
PATHS = ("cert", "client-cert", "find-links")  # in which pip expands `~`
# Environment variables for certificates and proxies, which pip reads in addition to its own.
CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY")
SYSTEM_CERTIFICATES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
OF_ALL, OF_USER = "/etc/pip.conf", "~/.pip/pip.conf"


def pip_variable(name: str) -> str:
    """Return the environment variable of a setting of pip."""
    return "PIP_" + name.upper().replace("-", "_")


def pip_files(env: Mapping[str, str], prefix: str) -> list[str]:
    """Return the paths of pip's configuration files, which need not exist. The last one takes precedence.

    prefix: the environment's directory, which may contain one.
    """
    named = env.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    places = (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    own = env.get("XDG_CONFIG_HOME") or "~/.config"
    shared = [f"{each}/pip/pip.conf" for each in places]
    files = [*shared, OF_ALL, OF_USER, f"{own}/pip/pip.conf", f"{prefix}/pip.conf", named]
    return [os.path.expanduser(path) for path in files if path]


def pip_settings(env: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return pip's settings from its configuration files and from the environment, which takes precedence, except misleading ones.

    prefix: as for `pip_files`.
    """
    parser = configparser.RawConfigParser(strict=False)
    with contextlib.suppress(configparser.Error):
        for path in pip_files(env, prefix):
            with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="surrogateescape") as file:
                parser.read_file(file)
    settings = {
        name.replace("_", "-"): value
        for section in SECTIONS
        if parser.has_section(section)
        for name, value in parser.items(section)
        if value
    }
    for name in {*settings, *UV_NAMES, *UV_SWITCHES, *UV_LISTS, "proxy"}:
        settings[name] = env.get(pip_variable(name)) or settings.get(name, "")
    settings["cert"] = settings["cert"] or next(filter(None, map(env.get, CERTIFICATES)), "")
    # As pip does, split lists at blanks and ends of lines.
    words = {name: value.split() for name, value in settings.items() if name not in MISLEADING}
    for name in PATHS:
        words[name] = [os.path.expanduser(word) for word in words[name]]
    return {name: " ".join(each) for name, each in words.items() if each}


QUIET = {
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_ROOT_USER_ACTION": "ignore",
    # pip compiles by default. Users' servers cannot write to root's environment, and would otherwise compile at every start.
    "UV_COMPILE_BYTECODE": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
}


def tool_environment(env: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set for the tools, in addition to the task's environment `env`.

    settings: see `pip_settings`. pip gets them as variables and reads no file, because a file can also say where to install to.
    """
    told = {pip_variable(name): value for name, value in settings.items()} | QUIET
    told.update({name: settings[key] for key, name in UV_NAMES.items() if key in settings})
    if "find-links" in settings:
        told["UV_FIND_LINKS"] = settings["find-links"].replace(" ", ",")
    if "extra-index-url" in settings:
        told["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # as pip treats several indexes
    if env.get("UV_INDEX_URL"):
        told.pop("UV_DEFAULT_INDEX", None)
    if "proxy" in settings:
        # pip uses this proxy for both protocols, accepts it without a scheme, and ignores the environment's proxies.
        proxy = settings["proxy"] if "://" in settings["proxy"] else f"http://{settings['proxy']}"
        told |= dict.fromkeys((*PROXIES, *map(str.lower, PROXIES)), proxy)
        env = {name: value for name, value in env.items() if name.upper() not in PROXIES}
    if has_certificates():
        told |= {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}  # older releases of uv only know the latter
    if not keeps_cache(env):
        told["UV_NO_CACHE"] = "1"  # as pip does without being told
    none = {pip_variable(name): "" for name in MISLEADING}  # pip ignores an empty value
    forced = {**none, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_CONFIG_FILE": os.devnull}
    return {name: value for name, value in told.items() if not env.get(name)} | forced


def has_certificates() -> bool:
    """Return whether this host has a store of CA certificates. uv has its own, and uses only one of the two."""
    there = ssl.get_default_verify_paths()
    return any(path and os.path.exists(path) for path in (there.cafile, *SYSTEM_CERTIFICATES))


def keeps_cache(env: Mapping[str, str]) -> bool:
    """Return whether uv can write to its cache, or create it."""
    usual = os.path.join(env.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "uv")
    path = os.path.abspath(env.get("UV_CACHE_DIR") or usual)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def uv_options(settings: Mapping[str, str]) -> list[str]:
    """Return the options for settings that uv cannot read from variables."""
    found = [option for name, option in UV_SWITCHES.items() if settings.get(name, "").lower() in ON]
    for name, option in UV_LISTS.items():
        for word in settings.get(name, "").replace(",", " ").split():
            found += [option, word]
    return found
