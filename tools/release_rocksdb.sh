#!/usr/bin/env bash
# Prints the path of a static RocksDB of the version whose headers Debian has installed here, built as its authors mean it
# to be used: Debian's own has assertions and test hooks in it, which cost tables a tenth of their CPU
# (docs/performance.md). It is built once, in four minutes on two cores, and kept outside the tree. Prints nothing, and on
# stderr why, when that cannot be done: Debian's own serves as well.
set -euo pipefail
version=7.8.3
sha256=b85408a374770897332bf15e51620a5f35720dd416a4749e3899057f9cfaf84d
cache=${PENSTOCK_CACHE:-$HOME/.cache/penstock}
# What it is made by stands in its name: another version or other options are another library.
kept=$cache/rocksdb-$version-$(sha256sum "$0" | cut -c1-12)
log=$(realpath "$(dirname "$0")/..")/build/rocksdb.log

give_up() {
  echo "set-up: tables use Debian's RocksDB, which is slower: $*" >&2
  exit 0
}

if [ ! -f "$kept/librocksdb.a" ]; then
  installed=$(dpkg-query -W -f '${Version}' librocksdb-dev 2>/dev/null) || give_up "its headers are not a package's"
  [ "${installed%%-*}" = "$version" ] || give_up "its headers are of version $installed, $version is what is known"
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/rocksdb.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  # Its source lies beside the package that is installed, wherever that comes from.
  package=$(apt-get download --print-uris librocksdb-dev 2>"$log" | cut -d"'" -f2) && [ -n "$package" ] ||
    give_up "apt does not know where it comes from, see $log"
  /usr/lib/apt/apt-helper download-file "${package%/*}/rocksdb_$version.orig.tar.gz" "$work/source.tar.gz" \
    "SHA256:$sha256" >>"$log" 2>&1 || give_up "its source could not be had, see $log"
  echo "set-up: building RocksDB $version, once" >&2
  {
    tar -xf "$work/source.tar.gz" -C "$work" &&
      # Several files together are compiled in half the time.
      cmake -S "$work/rocksdb-$version" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_COMPILER=clang-19 -DCMAKE_CXX_COMPILER=clang++-19 \
        -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=8 \
        -DPORTABLE=ON -DUSE_RTTI=ON -DFAIL_ON_WARNINGS=OFF -DROCKSDB_BUILD_SHARED=OFF \
        -DWITH_LZ4=ON -DWITH_ZSTD=ON -DWITH_SNAPPY=ON -DWITH_ZLIB=ON -DWITH_BZ2=OFF -DWITH_LIBURING=OFF \
        -DWITH_GFLAGS=OFF -DWITH_TESTS=OFF -DWITH_TOOLS=OFF -DWITH_CORE_TOOLS=OFF -DWITH_BENCHMARK_TOOLS=OFF &&
      cmake --build "$work/build" --target rocksdb
  } >>"$log" 2>&1 || give_up "it could not be built, see $log"
  mkdir "$work/kept"
  mv "$work/build/librocksdb.a" "$work/kept/"
  # Two that build at once make the same thing: the first one's stays.
  mv -T "$work/kept" "$kept" 2>/dev/null || [ -f "$kept/librocksdb.a" ]
fi
echo "$kept/librocksdb.a"
