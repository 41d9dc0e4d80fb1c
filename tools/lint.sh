#!/usr/bin/env bash
# clang-format on all, clang-tidy on the files that differ from main (or all, with ALL=1).
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'src/*.h' 'src/*.cc' | xargs clang-format-19 --dry-run --Werror
[ -f build/dev/compile_commands.json ] || cmake --preset dev >/dev/null
if [ "${ALL:-}" = 1 ]; then files=$(git ls-files 'src/*.cc'); else files=$(git diff --name-only main -- 'src/*.cc'); fi
[ -z "$files" ] || clang-tidy-19 -p build/dev --quiet $files
