#!/usr/bin/env bash
# Makes the container image of a program that was built before on Debian 12, by docker, podman or buildah, whichever
# works here. More arguments go to the build: --build-arg BASE=..., --isolation chroot
#   make_image.sh build/release/src/penstock penstock:0.1.0 [ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
tag=$2
shift 2
mkdir -p build/image
cp "$program" build/image/penstock
strip --strip-unneeded build/image/penstock
tools/runtime_packages.sh "$program" >build/image/penstock.packages

if [ -n "${ENGINE:-}" ]; then build=($ENGINE)
elif docker info >/dev/null 2>&1; then build=(docker build)
elif command -v podman >/dev/null; then build=(podman build --format docker)
elif command -v buildah >/dev/null; then build=(buildah bud --format docker)
else
  echo "no container engine works here: docker, podman or buildah (tools/setup.sh real installs the last)" >&2
  exit 1
fi
# --format docker: OCI's format has no health check.
"${build[@]}" --build-arg PREBUILT=build/image/penstock -f deploy/Dockerfile -t "$tag" "$@" .
