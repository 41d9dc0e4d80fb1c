#!/usr/bin/env bash
# Kafka Streams, for programs of tests/real/java: fetches its jars once, and prints where they are.
. "$(dirname "$0")/lib.sh"
VERSION=${KAFKA_VERSION:-4.3.1}
maven_jars "kafka-streams-$VERSION" "kafka-streams-$VERSION.sha256" "org.apache.kafka:kafka-streams:$VERSION" \
  "${LOG4J[@]}"
echo "$CACHE/kafka-streams-$VERSION/lib"
