# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse the output of uv and pip: the reason for a failure, and the result of a dry run."""

from __future__ import annotations

import re

NAME = r"[`'\"]?(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)[`'\"]?"
UNREACHABLE = "the package index is unreachable ({url})"
REFUSED = "the package index answered {status} ({url}). Check its address, and the user and password in it"
UNTRUSTED = (
    "the host does not trust the certificate of the package index ({url}). Add the authority that signed it to the host's "
    "certificates, or name the authority's file in PIP_CERT"
)
DAMAGED = "the download of {name} is damaged"
NO_VERSION = "no available version of {name} meets the requirement"

#: The first pattern that matches gives the reason, so causes come before their consequences.
REASONS = (
    (r"no space left on device", "the disk is full"),
    (
        r"require-hashes",
        "the setting require-hashes refuses packages that are named without their hash. Turn it off for this play (PIP_REQUIRE_HASHES=0)",
    ),
    (r"hash mismatch for " + NAME, DAMAGED),
    (r"do not match the hashes.{0,400}? " + NAME + r"(?:[=<>!~]\S*)? from http", DAMAGED),
    (
        r"failed to fetch: `?(?P<url>https?://[^\s`]+).{0,400}?(?:invalid peer certificate|unknownissuer)",
        UNTRUSTED,
    ),
    (r"could not fetch url (?P<url>https?://\S+): there was a problem confirming the ssl", UNTRUSTED),
    (r"connection broken by .{0,200}?certificate verify failed.{0,400}?': (?P<url>/\S+)", UNTRUSTED),
    (r"index url \((?P<url>\S+)\) could not be queried .{0,80}?\((?P<status>401 [a-z]+)\)", REFUSED),
    (r"index \((?P<url>\S+)\) returned a (?P<status>403 [a-z]+)", REFUSED),
    (r"http status client error \((?P<status>(?!404)4\d\d [a-z ]+)\) for url \((?P<url>\S+)\)", REFUSED),
    (
        r"could not fetch url (?P<url>https?://\S+): (?P<status>(?!404)4\d\d client error: [a-z ]+) for",
        REFUSED,
    ),
    (r"failed to fetch: `?(?P<url>https?://[^\s`]+)", UNREACHABLE),
    (r"could not fetch url (?P<url>https?://\S+):(?! 404)", UNREACHABLE),
    (r"connection broken by .{0,600}?': (?P<url>/\S+)", UNREACHABLE),
    (r"structure of " + NAME + r" .{0,80}?was invalid", DAMAGED),
    (r"wheel " + NAME + r" located at .{0,400}? is invalid", DAMAGED),
    (
        r"failed to download [^`]{0,20}" + NAME + r".{0,200}?(?:failed to extract archive|invalid zip)",
        DAMAGED,
    ),
    (r"failed to build " + NAME, "{name} is only available as source and failed to build"),
    (
        r"failed to (?:download|extract|install|prepare|read)[^`]{0,40}" + NAME,
        "failed to download {name}",
    ),
    (
        NAME + r" was not found in the (?:package registry|provided package)",
        "the package {name} does not exist",
    ),
    (r"only (?:the following versions of )?" + NAME + r"\S* (?:is|are) available", NO_VERSION),
    (r"there (?:is|are) no versions? of " + NAME, NO_VERSION),
    (r"no matching distribution found for " + NAME, NO_VERSION),
    (r"cannot uninstall " + NAME, "{name} belongs to the distribution"),
    (r"cannot install (?P<why>.{1,300}?) because these package versions", "{why} conflict with each other"),
    (r"because (?P<why>.{1,300}?), we can conclude", "{why}"),
    (r"(?:failed to parse|invalid requirement): [`'\"](?P<name>[^`'\"]+)", "{name} is not a requirement"),
)


#: Errors that concern the connection to the index or the tool itself, and not the packages.
NO_WAY = re.compile(
    r"failed to fetch|connection broken|could not fetch url|unknownissuer|invalid peer certificate|tls handshake"
    r"|certificate verify failed|network (?:connectivity is|was) disabled|\b(401|403|407|proxy authentication)\b"
    r"|unexpected argument|unrecognized subcommand|failed to initialize cache|exec format error|glibc_",
    re.IGNORECASE,
)


def is_out_of_reach(output: str) -> bool:
    """Return whether a tool failed because it did not reach the index, or does not work on this host. Another tool may do better."""
    return bool(NO_WAY.search(plain(output)))


def hides_reason(output: str) -> bool:
    """Return whether pip found no version at all. It says only in detail (``-vv``) whether the index refused to answer."""
    return "(from versions: none)" in output and "Could not fetch URL" not in output


def plain(output: str) -> str:
    """Return the text on one line, without box-drawing characters."""
    return " ".join(re.sub("[^\x20-\x7e]", " ", output).split())


def package_of(url: str) -> str | None:
    """Return the name of the package from the URL of an index page or a file, or None."""
    found = re.search(r"/simple/([^/]+)/?", url) or re.search(r"/([A-Za-z0-9_.]+)-\d[^/]*$", url)
    return found.group(1) if found else None


def reason(output: str) -> tuple[str, str | None]:
    """Return why the tool failed, in words, and the name of the package that caused it, or None if it is unknown."""
    text = plain(output)
    for pattern, words in REASONS:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            values = {key: value.rstrip(".,:") for key, value in found.groupdict().items()}
            return words.format(**values), values.get("name") or package_of(values.get("url", ""))
    return plain(output.strip().rpartition("\n")[2]) or "the tool did not give a reason", None


def failure(output: str, environment: str, requirements: list[str]) -> str:
    """Return the sentence to show to the administrator."""
    why, name = reason(output)
    return f"Failed to install {name or ', '.join(requirements)} in {environment}: {why.rstrip('.')}."


def announced(output: str) -> dict[str, str]:
    """Return the versions, by normalized name, that a dry run would install."""
    found = re.findall(r"^ \+ ([A-Za-z0-9._-]+)==(\S+)", output, re.MULTILINE)
    for line in re.findall(r"^Would install (.+)$", output, re.MULTILINE):
        found += re.findall(r"(\S+)-(\d\S*)", line)
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}
