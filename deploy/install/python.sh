#!/bin/sh
# Fill .venv: third-party packages as the named file pins them, each with its hash, then our members in place.
set -eu
. ./deploy/install/certificates.sh
export UV_PYTHON_DOWNLOADS=never
[ -x .venv/bin/python ] || .tools/bin/uv venv --quiet --python "$(sh deploy/install/find-python.sh)" .venv
echo "Installing Python packages"
.tools/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r "$1"
members=""
for project in */pyproject.toml; do
    members="$members -e ./${project%/pyproject.toml}"
done
# shellcheck disable=SC2086 # one word per member is meant
.tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps $members
.venv/bin/python -c 'import siloscope_native, sys; sys.exit(not siloscope_native.IS_COMPILED)' ||
    echo "native/ is not compiled: all works, and ingest more slowly. docs/operations.md says how to compile it later." >&2
