#!/usr/bin/env bash
# A bare Debian 12 in a tar file in the cache, made by debootstrap once: what images are built upon and packages are
# installed into. Prints its path. As root.
. "$(dirname "$0")/lib.sh"
need debootstrap debootstrap
TAR=$CACHE/debian-12-$(dpkg --print-architecture).tar
make_it() {
  [ ! -f "$TAR" ] || return 0
  say "making $TAR (once)"
  folder=$(mktemp -d "$RUN/debootstrap.XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  debootstrap --variant=minbase bookworm "$folder" >"$RUN/debootstrap.log" 2>&1 || { tail -n 3 "$RUN/debootstrap.log" >&2; die debootstrap; }
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/dev/*
  tar -C "$folder" -cf "$TAR.part" . && mv "$TAR.part" "$TAR"
}
one_at_a_time make_it
echo "$TAR"
