# SPDX-License-Identifier: GPL-3.0-or-later
"""Install an archive of the collection into an empty path, and check it with this interpreter's ansible-core:

try_installed.py ARCHIVE

- ansible-doc shows every role and plugin, each option has a description, and internal plugins say that they are internal.
- Every playbook passes the syntax check.
- Every role accepts its defaults, and refuses a value of the wrong type with an error that names the variable.

Needs only ansible-core.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

NAME = "collab.jupyterhub"
PLUGINS = {"module": "modules"}
# The plugins that playbooks may use. All others say that they are internal (plugins/doc_fragments/internal.py).
PUBLIC = {f"{NAME}.{name}" for name in ("hub_config", "hub_info", "hub_verify", "python_packages")}
# An invalid value for each type. Every value is a valid string, so `str` has none.
WRONG = {"int": "many", "float": "many", "bool": "perhaps", "list": {}, "dict": "none"}


class Installed:
    def __init__(self, archive: str, place: Path) -> None:
        self.place = place
        self.root = place / "ansible_collections" / NAME.replace(".", "/")
        # Without Ansible settings of this machine or the tests.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
        self.environment = kept | {
            "ANSIBLE_COLLECTIONS_PATH": str(place),
            "ANSIBLE_HOME": str(place / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
            "COLUMNS": "160",
        }
        self.run("galaxy", "collection", "install", "--no-deps", f"--collections-path={place}", archive)

    def run(self, program: str, *words: str) -> str:
        """Run one of ansible-core's programs with this interpreter and return its output."""
        command = [sys.executable, "-m", "ansible", program, *words]
        done = subprocess.run(
            command, cwd=self.place, env=self.environment, check=False, capture_output=True, text=True
        )
        # ansible-doc skips what it cannot show, with a message on stderr.
        if done.returncode or (program == "doc" and re.search(rf"ERROR|{re.escape(NAME)}", done.stderr)):
            raise SystemExit(f"ansible {program} {' '.join(words)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def names(self, pattern: str) -> list[str]:
        return sorted(f"{NAME}.{path.stem}" for path in self.root.glob(pattern) if path.stem != "__init__")

    def undocumented(self) -> Iterator[str]:
        """Yield what is missing from the output of ansible-doc."""
        for kind, directory in PLUGINS.items():
            names = self.names(f"plugins/{directory}/*.py")
            shown = json.loads(self.run("doc", f"--type={kind}", "--json", *names))
            self.run("doc", f"--type={kind}", *names)
            for name in names:
                doc = shown.get(name, {}).get("doc") or {}
                yield from lacking(f"{kind} {name}", doc)
                if (name in PUBLIC) == ("is internal" in " ".join(doc.get("notes") or [])):
                    yield f"{kind} {name}: must be either public or internal; see PUBLIC in {Path(__file__).name}"
                if kind == "module" and not shown.get(name, {}).get("examples"):
                    yield f"module {name} has no example"
        roles = self.names("roles/*")
        shown = json.loads(self.run("doc", "--type=role", "--json", *roles))
        self.run("doc", "--type=role", *roles)
        for name in roles:
            yield from lacking(f"role {name}", shown.get(name, {}).get("entry_points", {}).get("main") or {})

    def check_playbooks(self) -> None:
        for name in self.names("playbooks/*.yml"):
            self.run("playbook", "--syntax-check", "--inventory=localhost,", name)

    def check_arguments(self) -> None:
        """Check that every role validates its arguments. Only tasks tagged `always` run: the validation that Ansible adds to each role."""
        tasks: list[dict[str, Any]] = []
        for role in self.names("roles/*"):
            options = self.options(role)
            name, wrong = next(
                (name, WRONG[option["type"]]) for name, option in options.items() if option["type"] in WRONG
            )
            include: dict[str, Any] = {
                "name": f"Role {role}",
                "ansible.builtin.include_role": {"name": role},
                "tags": "always",
            }
            accepted = {
                "name": f"{role} accepts {name}={wrong}",
                "ansible.builtin.fail": {},
                "tags": "always",
            }
            refused = f"ansible_failed_result.argument_errors | default([]) | select('search', '{name}') | length > 0"
            tasks += [
                include,
                {
                    "block": [include | {"vars": {name: wrong}}, accepted],
                    "rescue": [
                        {
                            "name": f"{role} refuses a wrong {name}",
                            "ansible.builtin.assert": {"that": [refused]},
                            "tags": "always",
                        }
                    ],
                },
            ]
        playbook = self.place / "arguments.yml"
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        playbook.write_text(yaml.safe_dump([play]))
        done = self.run("playbook", "--inventory=localhost,", "--tags=arguments_only", str(playbook))
        if f"rescued={len(tasks) // 2}" not in done.replace(" ", ""):
            raise SystemExit(f"not every role refused a wrong value:\n{done}")

    def options(self, role: str) -> dict[str, Any]:
        specs = self.root / "roles" / role.rpartition(".")[2] / "meta/argument_specs.yml"
        options: dict[str, Any] = yaml.safe_load(specs.read_text())["argument_specs"]["main"]["options"]
        return options


def lacking(what: str, doc: dict[str, Any]) -> Iterator[str]:
    for key in ("short_description", "description"):
        if not doc.get(key):
            yield f"{what} has no {key}"
    for name, option in (doc.get("options") or {}).items():
        if not option.get("description"):
            yield f"{what}: option {name} has no description"


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        installed = Installed(str(Path(sys.argv[1]).resolve()), Path(place))
        if problems := list(installed.undocumented()):
            raise SystemExit("\n".join(problems))
        installed.check_playbooks()
        installed.check_arguments()
        print(installed.run("playbook", "--version").partition("\n")[0])


if __name__ == "__main__":
    main()
