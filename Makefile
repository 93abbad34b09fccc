.PHONY: up test

# ---- checks

.PHONY: test lint test-components

test: install test-components   ## every check and every test, with real servers
	@.venv/bin/python tests/every_check.py

lint: install                   ## every check that starts no test
	@.venv/bin/python tests/every_check.py --lint

test-components:
	@sh tests/install-components
