#!/usr/bin/env bash
# Apache Kafka, one broker: with KRaft, or (3.9, the last such line) with ZooKeeper, which must run.
#   kafka.sh start|stop|restart|kill|freeze|thaw|status|wipe
#   KAFKA_MODE=kraft|zookeeper  KAFKA_VERSION=4.3.1 (zookeeper: 3.9.2)  KAFKA_PORT=9092  KAFKA_CONTROLLER_PORT=KAFKA_PORT+1
#   ZOOKEEPER_PORT=2181
#   KAFKA_SASL=1: clients log in, user penstock, password penstock-secret; PLAIN, and with KRaft SCRAM
#   KAFKA_TLS=1: over TLS; clients find the certificate that signed the broker's in $REAL_RUN/kafka-PORT/tls/ca.pem
. "$(dirname "$0")/lib.sh"
MODE=${KAFKA_MODE:-kraft}
case $MODE in
  kraft) VERSION=${KAFKA_VERSION:-4.3.1} ;;
  zookeeper) VERSION=${KAFKA_VERSION:-3.9.2} ;;
  *) die "KAFKA_MODE is '$MODE'; expected kraft or zookeeper" ;;
esac
PORT=${KAFKA_PORT:-9092}
CONTROLLER_PORT=${KAFKA_CONTROLLER_PORT:-$((PORT + 1))}
WORK=$RUN/kafka-$PORT
PID=$WORK/pid
JARS=$CACHE/kafka-$VERSION/lib
TLS=$WORK/tls
case ${KAFKA_SASL:-0}${KAFKA_TLS:-0} in
  00) PROTOCOL=PLAINTEXT ;;
  10) PROTOCOL=SASL_PLAINTEXT ;;
  01) PROTOCOL=SSL ;;
  11) PROTOCOL=SASL_SSL ;;
  *) die "KAFKA_SASL and KAFKA_TLS are 0 or 1" ;;
esac

is_ready() {
  local login=(-X security.protocol="${PROTOCOL,,}")
  case $PROTOCOL in SASL_*) login+=(-X sasl.mechanism=PLAIN -X sasl.username=penstock -X sasl.password=penstock-secret) ;; esac
  case $PROTOCOL in *SSL) login+=(-X ssl.ca.location="$TLS/ca.pem") ;; esac
  port_open "$PORT" && kcat "${login[@]}" -b "127.0.0.1:$PORT" -L -m 2 2>/dev/null | grep -q "broker 1 at"
}

write_settings() {
  {
    if [ "$MODE" = kraft ]; then
      cat <<C
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
listeners=$PROTOCOL://127.0.0.1:$PORT,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
controller.listener.names=CONTROLLER
listener.security.protocol.map=$PROTOCOL:$PROTOCOL,CONTROLLER:PLAINTEXT
C
    else
      cat <<C
broker.id=1
listeners=$PROTOCOL://127.0.0.1:$PORT
zookeeper.connect=127.0.0.1:${ZOOKEEPER_PORT:-2181}/kafka-$PORT
zookeeper.session.timeout.ms=6000
C
    fi
    case $PROTOCOL in SASL_*)
      echo sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
      echo sasl.mechanism.inter.broker.protocol=PLAIN
      local listener=listener.name.${PROTOCOL,,} login="required username=penstock password=penstock-secret"
      echo "$listener.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule" \
        "$login user_penstock=penstock-secret;"
      for mechanism in 256 512; do
        echo "$listener.scram-sha-$mechanism.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule $login;"
      done
      ;;
    esac
    case $PROTOCOL in *SSL)
      cat <<C
ssl.keystore.type=PEM
ssl.keystore.location=$TLS/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$TLS/ca.pem
C
      ;;
    esac
    cat <<C
inter.broker.listener.name=$PROTOCOL
advertised.listeners=$PROTOCOL://127.0.0.1:${KAFKA_ADVERTISED_PORT:-$PORT}
log.dirs=$WORK/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.check.interval.ms=1000
log.cleaner.backoff.ms=500
C
    case $VERSION in 4.*)
      echo share.coordinator.state.topic.replication.factor=1
      echo share.coordinator.state.topic.min.isr=1
      ;;
    esac
  } >"$WORK/server.properties"
  cat >"$WORK/log4j.properties" <<'C'
log4j.rootLogger=INFO, O
log4j.appender.O=org.apache.log4j.ConsoleAppender
log4j.appender.O.layout=org.apache.log4j.PatternLayout
log4j.appender.O.layout.ConversionPattern=[%d] %p %m (%c)%n
log4j.logger.org.apache.zookeeper=WARN
C
  write_log4j2 "$WORK/log4j2.xml"
}

# A certificate authority of its own, and a certificate for 127.0.0.1 that it has signed.
make_certificates() {
  [ ! -f "$TLS/broker.pem" ] || return 0
  mkdir -p "$TLS"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=Test CA" -keyout "$TLS/ca.key" -out "$TLS/ca.pem"
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$TLS/broker.key" -out "$TLS/broker.csr"
    openssl x509 -req -in "$TLS/broker.csr" -CA "$TLS/ca.pem" -CAkey "$TLS/ca.key" -CAcreateserial -days 30 \
      -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost) -out "$TLS/broker.crt"
  } >"$TLS/openssl.log" 2>&1 || die "openssl: see $TLS/openssl.log"
  cat "$TLS/broker.key" "$TLS/broker.crt" >"$TLS/broker.pem"
}

fetch() {
  local dependencies=("org.apache.kafka:kafka_2.13:$VERSION" "org.apache.kafka:kafka-tools:$VERSION")
  case $VERSION in
    4.*) dependencies+=("${LOG4J[@]}") ;;
  esac
  maven_jars "kafka-$VERSION" "kafka-$VERSION.sha256" "${dependencies[@]}"
}

start_it() {
  need java openjdk-17-jre-headless
  need kcat kcat
  fetch
  port_free "$PORT"
  mkdir -p "$WORK"
  case $PROTOCOL in *SSL) make_certificates ;; esac
  write_settings
  local logging=(-Dlog4j.configuration="file:$WORK/log4j.properties" -Dlog4j2.configurationFile="$WORK/log4j2.xml")
  if [ "$MODE" = kraft ] && [ ! -f "$WORK/data/meta.properties" ]; then
    local users=()
    case $PROTOCOL in SASL_*) users=(--add-scram 'SCRAM-SHA-256=[name=penstock,password=penstock-secret]'
      --add-scram 'SCRAM-SHA-512=[name=penstock,password=penstock-secret]') ;; esac
    # The cluster's id: any 16 bytes.
    java -Xmx128m "${logging[@]}" -cp "$JARS/*" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg \
      -c "$WORK/server.properties" "${users[@]}" >"$WORK/format.log" 2>&1 || { tail -n 5 "$WORK/format.log" >&2; die format; }
  fi
  local tries
  for tries in 1 2 3 4; do
    run_daemon "$PID" "$WORK/kafka.log" java -Xmx512m -Xms64m "${logging[@]}" -cp "$JARS/*" kafka.Kafka "$WORK/server.properties"
    wait_for 120 "$PID" is_ready && break
    # ZooKeeper knows a killed broker until its session ends; the next one with its number gives up at once.
    [ "$tries" -lt 4 ] && tail -n 40 "$WORK/kafka.log" | grep -q NodeExistsException && sleep 2 && continue
    grep -E 'ERROR|FATAL|Exception' "$WORK/kafka.log" | tail -n 5 >&2
    die "Kafka is not ready: see $WORK/kafka.log"
  done
  say "ready: Kafka $VERSION ($MODE), port $PORT"
}

stop_it() { stop_daemon "$PID"; }
end_it() { end_at_once; }

[ "${1:-start}" = fetch ] && { fetch; exit; }
dispatch "$@"
