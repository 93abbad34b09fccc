#!/bin/sh
# Build the web page from dashboards/web into the package that serves it.
set -eu
. ./deploy/install/certificates.sh
tools=$(pwd)/.tools/bin
export PATH="$tools:$PATH"
echo "Building the web page"
cd dashboards/web
npm ci --no-audit --no-fund --no-update-notifier --loglevel=error
npm run build --silent -- --logLevel error
