#!/bin/sh
# Provide .tools/bin/uv: the one on the PATH, else a copy of its own through pip, which no system Python is changed for.
set -eu
version=0.13.9
mkdir -p .tools/bin
if found=$(command -v uv); then
    ln -sf "$found" .tools/bin/uv
    exit 0
fi
python=$(sh deploy/install/find-python.sh)
# Debian's python3 comes without pip; where python3-venv is installed, a throw-away environment has one.
if ! "$python" -m pip --version >/dev/null 2>&1; then
    if "$python" -m venv .tools/pip >/dev/null 2>&1; then
        python=.tools/pip/bin/python
    else
        rm -rf .tools/pip
        echo "make install: $python has no pip, and without it uv cannot be fetched." >&2
        echo "Install one of them and try again: apt-get install python3-pip   or, without root, uv itself." >&2
        exit 1
    fi
fi
echo "Fetching uv $version"
"$python" -m pip install --quiet --disable-pip-version-check --target .tools/uv --upgrade "uv==$version"
ln -sf ../uv/bin/uv .tools/bin/uv
