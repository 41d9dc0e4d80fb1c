#!/usr/bin/env bash
# Apache Flink and its Kafka connector, for programs of tests/real/java: fetches the jars once, and prints where they are.
. "$(dirname "$0")/lib.sh"
VERSION=2.2.1
CONNECTOR=5.0.0-2.2
maven_jars "flink-$VERSION" "flink-$VERSION.sha256" "org.apache.flink:flink-streaming-java:$VERSION" \
  "org.apache.flink:flink-clients:$VERSION" "org.apache.flink:flink-connector-base:$VERSION" \
  "org.apache.flink:flink-connector-kafka:$CONNECTOR" \
  "${LOG4J[@]}"
echo "$CACHE/flink-$VERSION/lib"
