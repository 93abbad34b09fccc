#!/bin/sh
# Print the first Python of at least 3.11: $PYTHON where it is set, else the usual names.
set -eu
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    if found=$(command -v "$candidate") &&
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "$found"
        exit 0
    fi
done
echo "make install: no Python of at least 3.11 found; on Debian 12: apt-get install python3; else set PYTHON=/path/to/it" >&2
exit 1
