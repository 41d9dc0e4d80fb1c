#!/usr/bin/env bash
# Kafka Streams, for programs of tests/real/java: fetches its jars once, and prints where they are.
. "$(dirname "$0")/lib.sh"
VERSION=${KAFKA_VERSION:-4.3.1}
maven_jars "kafka-streams-$VERSION" "kafka-streams-$VERSION.sha256" "org.apache.kafka:kafka-streams:$VERSION" \
  org.apache.logging.log4j:log4j-slf4j-impl:2.25.4 org.apache.logging.log4j:log4j-core:2.25.4
echo "$CACHE/kafka-streams-$VERSION/lib"
