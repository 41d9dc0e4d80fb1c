#!/usr/bin/env bash
# A worker of Kafka Connect in distributed mode, with the connectors for files and those of MirrorMaker.
#   kafka_connect.sh start|stop|restart|kill|freeze|thaw|status|wipe
#   CONNECT_KAFKA=127.0.0.1:9092 (host:port of the brokers)  CONNECT_PORT=8083 (its REST API)  CONNECT_GROUP=connect-cluster
. "$(dirname "$0")/lib.sh"
VERSION=${KAFKA_VERSION:-4.3.1}
PORT=${CONNECT_PORT:-8083}
GROUP=${CONNECT_GROUP:-connect-cluster}
WORK=$RUN/kafka-connect-$PORT
PID=$WORK/pid
JARS=$CACHE/kafka-connect-$VERSION/lib

is_ready() { curl -sf -m 2 "http://127.0.0.1:$PORT/connectors" >/dev/null; }

write_settings() {
  cat >"$WORK/worker.properties" <<C
bootstrap.servers=${CONNECT_KAFKA:-127.0.0.1:9092}
group.id=$GROUP
listeners=http://127.0.0.1:$PORT
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=$GROUP-configs
offset.storage.topic=$GROUP-offsets
status.storage.topic=$GROUP-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.flush.interval.ms=1000
exactly.once.source.support=enabled
connector.client.config.override.policy=All
scheduled.rebalance.max.delay.ms=1000
session.timeout.ms=6000
heartbeat.interval.ms=1000
C
  write_log4j2 "$WORK/log4j2.xml"
}

start_it() {
  need java openjdk-17-jre-headless
  need curl curl
  maven_jars "kafka-connect-$VERSION" "kafka-connect-$VERSION.sha256" "org.apache.kafka:connect-runtime:$VERSION" \
    "org.apache.kafka:connect-file:$VERSION" "org.apache.kafka:connect-mirror:$VERSION" \
    "${LOG4J[@]}"
  port_free "$PORT"
  mkdir -p "$WORK"
  write_settings
  run_daemon "$PID" "$WORK/connect.log" java -Xmx384m -Dlog4j2.configurationFile="$WORK/log4j2.xml" -cp "$JARS/*" \
    org.apache.kafka.connect.cli.ConnectDistributed "$WORK/worker.properties"
  wait_for 120 "$PID" is_ready && { say "ready: Kafka Connect $VERSION, port $PORT"; return; }
  grep -E 'ERROR|FATAL|Exception' "$WORK/connect.log" | tail -n 5 >&2
  die "Kafka Connect is not ready: see $WORK/connect.log"
}

stop_it() { stop_daemon "$PID"; }
end_it() { end_at_once; }
dispatch "$@"
