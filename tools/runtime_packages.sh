#!/usr/bin/env bash
# The Debian packages with the shared libraries that a program needs, one a line. Needs dpkg and the libraries.
#   runtime_packages.sh build/release/src/penstock
set -euo pipefail
missing=$(ldd "$1" | awk '/not found/ {print $1}')
[ -z "$missing" ] || { echo "not installed here: $missing" >&2; exit 1; }
ldd "$1" | awk '$2 == "=>" {print $3}' | while read -r library; do
  # Packages name some paths as they were before /lib became a link to /usr/lib.
  owner=$(dpkg -S "$library" 2>/dev/null || dpkg -S "${library#/usr}" 2>/dev/null || dpkg -S "/usr$library" 2>/dev/null) ||
    { echo "no package has $library" >&2; exit 1; }
  echo "${owner%%:*}"
done | sort -u
