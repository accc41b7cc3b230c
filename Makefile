# SPDX-License-Identifier: GPL-3.0-or-later
# Each target runs a program in tests/tools.
# Requires Debian with python3, make and git. `make env` installs everything else.

SCENARIO ?=
ALL :=
BENCH ?=
DEMO_PORT ?= 8000
with_env := tests/tools/with-env
run := $(if $(KEEP),KEEP=1 )$(with_env) python tests/tools/run.py $(if $(ALL),--all)

.DEFAULT_GOAL := help
.PHONY: help env lint unit molecule browser compatibility test test-all test-tables demo demo-down docs docs-site front-end reliability editing soak storm bench images release clean clean-images

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22
	@echo
	@echo "  SCENARIO=name  only this Molecule scenario (test, test-all); KEEP=1 leaves its containers running"
	@echo "  BENCH=name     only this benchmark (bench); KEEP=1 leaves its container running"
	@echo "  DEMO_PORT=8000 the demo's port on this machine"
	@echo
	@echo "  Molecule's own commands: . .cache/venv/bin/activate, then molecule test -s NAME"

env:  ## install everything that the tests need: Debian packages, .cache/venv, .cache/collections
	@tests/tools/make-env

lint: env  ## check formatting, types and docs; run ansible-lint and ansible-test sanity
	@$(run) lint

unit: env  ## run the tests that need no host
	@$(run) unit

molecule: env  ## run the scenarios in containers with a real hub, each on its first platform
	@$(run) molecule

browser: env  ## run the tests that need a browser
	@$(run) browser

compatibility: env  ## test the oldest and the newest ansible-core; ALL=1 tests every release on a hub, another Python, JupyterHub 5, and JupyterHub's own tests
	@$(run) ansible-core $(if $(ALL),python jupyterhub upstream)

test: env  ## run all of the above (before each push)
	@$(run) $(addprefix 'molecule: ',$(SCENARIO))

test-all: env  ## run the same on every platform, plus the long scenarios, the long forms of editing and verify, and JupyterHub's own tests
	@$(run) --all $(addprefix 'molecule: ',$(SCENARIO))

test-tables: env  ## update the tables in docs/how-to/testing.md from the last runs of test and test-all
	@$(with_env) python tests/tools/test_tables.py

front-end: env  ## build the JupyterLab extension from python/labextension into the package
	@$(with_env) python tests/tools/front_end.py

demo: env  ## start a throw-away hub in a container on this machine, for alice and bob
	@$(with_env) ansible-playbook playbooks/demo.yml -e demo_state=present -e demo_port=$(DEMO_PORT)

demo-down: env  ## remove the demo
	@$(with_env) ansible-playbook playbooks/demo.yml -e demo_state=absent -e demo_port=$(DEMO_PORT)

docs: env  ## update the tables in docs/: variables, permissions, when access ends, the tests of each promise, and what imports what
	@$(with_env) python tests/tools/variables.py
	@$(with_env) python tests/tools/access_matrix.py
	@$(with_env) python tests/tools/promises.py
	@$(with_env) python tests/tools/ended.py
	@$(with_env) python tests/tools/imports.py

docs-site: export REPOSITORY := $(REPOSITORY)
docs-site: env  ## build the documentation site in .cache/site/html and check its links; links to other sites only with a network
	@$(with_env) python tests/tools/docs_site.py

reliability: env  ## update the tables in docs/reference/reliability.md from the last runs of faults, editing, soak and storm
	@$(with_env) python tests/tools/reliability.py

editing: env  ## have people edit during restarts, crashes and writes of programs, with and without the collection; takes an hour
	@$(with_env) python -m benchmarks.record_editing $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/reliability.py

soak: env  ## have ten people type for half an hour; MINUTES=5 sets another length
	@$(with_env) python -m benchmarks.soak $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/reliability.py

storm: env  ## have two people and five programs edit ten files during stops of every kind; an hour, or MINUTES=5; SEED=1 repeats choices
	@$(with_env) python -m benchmarks.storm $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(SEED),--seed=$(SEED)); seen=$$?; $(with_env) python tests/tools/reliability.py; exit $$seen

bench: env  ## run the benchmarks and update docs/reference/benchmarks.md; BENCH=name runs only that one
	@$(with_env) python -m benchmarks.bench $(BENCH) $(if $(KEEP),--keep)
	@$(with_env) python tests/tools/bench_tables.py

images: env  ## build the images that scenarios start from (other targets also build them on demand)
	@$(with_env) python tests/images/build.py

release: export REPOSITORY := $(REPOSITORY)
release: export DOCUMENTATION := $(DOCUMENTATION)
release: export HOMEPAGE := $(HOMEPAGE)
release: export ISSUES := $(ISSUES)
release: env  ## build the archive to publish; needs REPOSITORY=https://... and DOCUMENTATION=https://...
	@archive=$$($(with_env) python tests/tools/build_collection.py --release) && $(with_env) tests/tools/galaxy-importer "$$archive" && echo "$$archive"

clean:  ## remove this checkout's containers and .cache
	@if [ -x .cache/venv/bin/python ]; then $(with_env) python tests/images/containers.py down; fi
	rm -rf .cache

clean-images: env  ## remove the images, including those that other checkouts on this machine use
	@$(with_env) python tests/images/build.py --remove
