#!/usr/bin/env bash
# Installs what is missing on Debian 12, and says what. Quick and silent when nothing is.
#   setup.sh build   to build and run
#   setup.sh test    to run the tests as well
#   setup.sh real    to run the tests against the real systems as well
set -euo pipefail
cd "$(dirname "$0")/.."

build_packages=(
  clang-19 lld-19 cmake ninja-build ccache pkg-config git python3
  libboost1.81-dev librocksdb-dev libsimdjson-dev libre2-dev libsqlite3-dev libyaml-cpp-dev libspdlog-dev libfmt-dev
  libcli11-dev libhowardhinnant-date-dev libcurl4-openssl-dev libssl-dev libzstd-dev liblz4-dev
  libsnappy-dev libcrypt-dev libutf8proc-dev zlib1g-dev libxxhash-dev libpq-dev librdkafka-dev libzookeeper-mt-dev libgrpc++-dev libprotobuf-dev libprotoc-dev
  protobuf-compiler protobuf-compiler-grpc libgtest-dev libgmock-dev
  tzdata ca-certificates
)
# openjdk and maven: for the Java driver, tests/cql/drivers.
test_packages=(libclang-rt-19-dev llvm-19 clang-format-19 python3-venv kcat chromium libbenchmark-dev
  openjdk-17-jdk-headless maven)
# openjdk: Kafka, ZooKeeper, and javac for tests/real/java. postgresql-15 also makes a cluster of its own, which the
# tests leave alone.
real_packages=(postgresql-15 zookeeper openjdk-17-jdk-headless maven kcat curl)
# For the packages: an image, a Debian package, its unit. prometheus is unpacked, not installed (tests/real/prometheus.sh).
deploy_packages=(buildah debootstrap lintian dpkg-dev systemd man-db curl)

missing() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
  done
}

install() {
  local packages
  mapfile -t packages < <(missing "$@")
  # Node and, for the tests, Go and Rust come from Debian unless there is one already, whoever installed it.
  if ! command -v npm >/dev/null; then packages+=(nodejs npm); fi
  if [[ " $* " = *" python3-venv "* ]] && ! command -v go >/dev/null; then packages+=(golang-go); fi
  # Rust under a name of Debian's security updates: rustc is too old for the driver.
  if [[ " $* " = *" python3-venv "* ]] && ! { command -v cargo && command -v rustc; } >/dev/null; then
    packages+=(rustc-web cargo-web)
  fi
  [ ${#packages[@]} -gt 0 ] || return 0
  echo "set-up: installing ${packages[*]}"
  local root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "set-up: run as root, or install sudo" >&2; exit 1; }
    root=(sudo)
  fi
  local log=build/setup.log
  mkdir -p build
  { "${root[@]}" apt-get update -qq &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "${packages[@]}"; } >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; echo "set-up: apt-get failed, see $log" >&2; exit 1; }
}

python_packages() {
  local wanted=tests/requirements.txt stamp=.venv/installed
  cmp -s "$wanted" "$stamp" && return 0
  echo "set-up: installing into .venv: $(grep -vE '^(#|$)' "$wanted" | tr '\n' ' ')"
  # Debian's own Python, whatever else is first in the path.
  [ -x .venv/bin/python ] || /usr/bin/python3 -m venv .venv
  .venv/bin/pip install -q --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$stamp"
}

case "${1:-build}" in
  build) install "${build_packages[@]}" ;;
  test)
    install "${build_packages[@]}" "${test_packages[@]}"
    python_packages
    ;;
  real)
    install "${build_packages[@]}" "${test_packages[@]}" "${real_packages[@]}" "${deploy_packages[@]}"
    python_packages
    .venv/bin/pip install -q --disable-pip-version-check -r tests/real/requirements.txt
    ;;
  *) echo "usage: setup.sh build|test|real" >&2; exit 2 ;;
esac
