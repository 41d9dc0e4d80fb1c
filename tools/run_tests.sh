#!/usr/bin/env bash
# All tests, each step with its time; the last line counts the steps. `run_tests.sh quick` leaves out what needs
# other builds or other programs.
set -uo pipefail
cd "$(dirname "$0")/.."
quick=${1:-}
mkdir -p build/test-logs
passed=0
failed=0
names=()
tests=()

step() {
  local name=$1
  shift
  local log=build/test-logs/${name//[^a-zA-Z0-9]/-}.log
  local start=$SECONDS
  printf '%-44s ' "$name"
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
    printf 'ok      %4d s   %s\n' $((SECONDS - start)) "$(grep -E 'tests passed|[0-9]+ passed|layers in order|files tidy' "$log" | tail -n 1)"
  else
    failed=$((failed + 1))
    names+=("$name")
    printf 'FAILED  %4d s   %s\n' $((SECONDS - start)) "$log"
    tail -n 60 "$log" | cut -c1-400 | sed 's/^/    /'
    # Which tests, whatever the end of the log is full of; once more at the end of the run.
    local which
    which=$(grep -E '^(FAILED|ERROR) |^\[  FAILED  \] .*ms\)|\*\*\*(Failed|Exception|Timeout)' "$log" | cut -c1-400 | sort -u)
    sed 's/^/    /' <<<"$which"
    tests+=("$which")
  fi
}

# Runs a command on what the steps that follow leave of the machine, as they wait most of the time. A step of its
# own, finished, waits for the end and tells how it went.
beside() {
  chrt --idle 0 "$@" >build/test-logs/beside.log 2>&1 &
  beside=$!
  trap '[ -z "$beside" ] || kill "$beside"' EXIT
}
finished() {
  local outcome=0
  wait "$beside" || outcome=$?
  beside=""
  cat build/test-logs/beside.log
  return "$outcome"
}

jobs=$(nproc)
step "layers" tools/check_layers.py --compare docs/architecture.md
step "tidy" tools/tidy.py
if [ "$quick" = quick ]; then
  step "build (dev)" make -s dev
  step "unit and SQL tests" ctest --test-dir build/dev -L unit --output-on-failure -j "$jobs"
else
  step "build (release)" make -s build
  step "unit and SQL tests" ctest --test-dir build/release -L unit --output-on-failure -j "$jobs"
  # One sanitized build serves the unit tests and the fuzzers.
  beside make -s build PRESET=fuzz
  step "clients, end to end" .venv/bin/python -m pytest tests --ignore=tests/real --ignore=tests/crash -q --timeout 300
  # Two files at a time, as they wait most of theirs for systems to start.
  step "real systems" .venv/bin/python -m pytest tests/real -q -m "not long" -n 2 --dist loadfile --timeout 900 --durations 15
  step "build (address, undefined, fuzzers)" finished
  step "unit tests, fuzzers (address, undefined)" ctest --test-dir build/fuzz -L unit --output-on-failure -j "$jobs"
  step "crash: 50 kills" env PENSTOCK_CRASHES=50 .venv/bin/python -m pytest tests/crash -q --timeout 900
  step "console units" bash -c 'cd console && npm run --silent test'
fi

for i in "${!names[@]}"; do
  printf 'failed: %s\n' "${names[i]}"
  head -n 20 <<<"${tests[i]}" | sed 's/^/    /'
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
