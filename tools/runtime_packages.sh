#!/usr/bin/env bash
# The Debian packages with the shared libraries that a program needs, one a line. Needs dpkg and the libraries.
#   runtime_packages.sh build/release/src/penstock
set -euo pipefail
missing=$(ldd "$1" | awk '/not found/ {print $1}')
[ -z "$missing" ] || { echo "not installed here: $missing" >&2; exit 1; }
ldd "$1" | awk '$2 == "=>" {print $1}' | while read -r library; do
  # By name: packages name some paths as they were before /lib became a link.
  package=$(dpkg -S "*/$library" 2>/dev/null | awk -F: 'NR == 1 {print $1}')
  [ -n "$package" ] || { echo "no package has $library" >&2; exit 1; }
  echo "$package"
done | sort -u
