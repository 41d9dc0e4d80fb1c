#!/usr/bin/env bash
# The Java driver: fetches its jars once, and prints where they are.
. "$(dirname "$0")/../../../real/lib.sh"
HERE=$(cd "$(dirname "$0")" && pwd)
VERSION=4.19.3
maven_jars "cassandra-java-driver-$VERSION" "java-driver-$VERSION.sha256" "org.apache.cassandra:java-driver-core:$VERSION" \
  org.slf4j:slf4j-nop:1.7.36
echo "$CACHE/cassandra-java-driver-$VERSION/lib"
