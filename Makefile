.PHONY: up test
.DELETE_ON_ERROR:

PAGE := dashboards/src/siloscope_dashboards/static/index.html

up: .venv/.runtime $(PAGE)      ## the whole platform on this machine
	@exec .venv/bin/siloscope up

# ---- installation: what is there and up to date is left alone, so a second call starts at once

.PHONY: install lock

MEMBERS := $(wildcard */pyproject.toml)
COMPILED := $(wildcard native/src/*/*.[ch])
FOUND_PAGE_SOURCES := $(shell find dashboards/web -name node_modules -prune -o -name dist -prune -o -type f -print)

install: .venv/.development $(PAGE)   ## all that `make up` and `make test` need from package registries

.tools/bin/uv: | deploy/install/uv.sh
	@sh deploy/install/uv.sh

.venv/.runtime: requirements.txt $(MEMBERS) $(COMPILED) deploy/install/python.sh | .tools/bin/uv
	@sh deploy/install/python.sh requirements.txt
	@touch $@

.venv/.development: requirements-dev.txt .venv/.runtime
	@sh deploy/install/python.sh requirements-dev.txt
	@touch $@

.tools/bin/npm: | .venv/.runtime
	@sh deploy/install/node.sh

$(PAGE): $(FOUND_PAGE_SOURCES) deploy/install/page.sh | .tools/bin/npm
	@sh deploy/install/page.sh
	@touch $@

lock: | .tools/bin/uv           ## pin today's versions with hashes: to run, to develop, and for an edge alone
	@.tools/bin/uv lock --quiet --upgrade
	@.tools/bin/uv export --quiet --all-packages --no-dev --no-emit-workspace -o requirements.txt
	@.tools/bin/uv export --quiet --all-packages --all-groups --no-emit-workspace -o requirements-dev.txt
	@.tools/bin/uv export --quiet --package siloscope-edge --no-dev --no-emit-workspace -o requirements-edge.txt

# ---- checks

.PHONY: test lint test-components sanitize docs

test: install test-components   ## every check and every test, with real servers
	@.venv/bin/python -m tests.every_check

lint: install                   ## every check that starts no test
	@.venv/bin/python -m tests.every_check --lint

test-components:
	@sh tests/install-components

sanitize: install               ## the tests of compiled code, on modules that watch their memory (gcc)
	@sh tests/native/sanitize

docs: install                   ## the generated pages of docs/ from the code
	@.venv/bin/python -m tests.house.settings_page
	@.venv/bin/python -m tests.house.profiles_page
	@.venv/bin/python -m tests.house.rule_sets_page
	@.venv/bin/siloscope alerts docs docs/alerts/rules-reference.md
