#!/bin/sh
# Provide .tools/bin/uv: the one on the PATH, else a copy of its own through pip, which no system Python is changed for.
set -eu
version=0.13.9
mkdir -p .tools/bin
if found=$(command -v uv); then
    ln -sf "$found" .tools/bin/uv
    exit 0
fi

has_pip() {
    "$1" -m pip --version >/dev/null 2>&1
}

# Debian's python3 comes without pip. Root has it installed, as on a fresh container; others are told.
install_pip() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing python3-pip from Debian"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq || true # one source that does not answer need not be the one that has it
    apt-get install -y -qq --no-install-recommends python3-pip >/dev/null || return 1
    has_pip "$python" || python=/usr/bin/python3 # the package serves Debian's own Python, which need not be this one
    has_pip "$python"
}

python=$(sh deploy/install/find-python.sh)
if ! has_pip "$python"; then
    # Where python3-venv is installed, a throw-away environment has a pip.
    if "$python" -m venv .tools/pip >/dev/null 2>&1; then
        python=.tools/pip/bin/python
    elif rm -rf .tools/pip && ! install_pip; then
        echo "make install: $python has no pip, and without it uv cannot be fetched." >&2
        echo "Install one of them and try again: apt-get install python3-pip   or, without root, uv itself." >&2
        exit 1
    fi
fi
echo "Fetching uv $version"
"$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .tools/uv --upgrade "uv==$version"
ln -sf ../uv/bin/uv .tools/bin/uv
