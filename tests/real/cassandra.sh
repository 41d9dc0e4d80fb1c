#!/usr/bin/env bash
# Apache Cassandra, one node.
#   cassandra.sh start|stop|restart|kill|freeze|thaw|status|wipe
#   CASSANDRA_VERSION=5.0.9  CASSANDRA_PORT=9042  CASSANDRA_STORAGE_PORT=7000  CASSANDRA_JMX_PORT=7199  CASSANDRA_HEAP=512M
#   CASSANDRA_ADDRESS=127.0.0.1: of this node; CASSANDRA_SEED: another node's, which this one joins
#   CASSANDRA_BOOTSTRAP=false: a node that joins takes no data from the others, for a cluster without any
#   CASSANDRA_AUTH=1: clients log in, user cassandra, password cassandra
#   CASSANDRA_TLS=1: clients connect by TLS; the certificate to trust is WORK/server.pem
#   CASSANDRA_GC=-XX:+UseSerialGC: the collector; `shipped` is G1 with all that Cassandra's own jvm17-server.options give
#   CASSANDRA_SYNC=periodic|batch: when a write is acknowledged, before or after fsync
. "$(dirname "$0")/lib.sh"
VERSION=${CASSANDRA_VERSION:-5.0.9}
PORT=${CASSANDRA_PORT:-9042}
STORAGE_PORT=${CASSANDRA_STORAGE_PORT:-7000}
JMX_PORT=${CASSANDRA_JMX_PORT:-7199}
ADDRESS=${CASSANDRA_ADDRESS:-127.0.0.1}
SEED=${CASSANDRA_SEED:-$ADDRESS}
HEAP=${CASSANDRA_HEAP:-512M}
WORK=$RUN/cassandra-$ADDRESS-$PORT
PID=$WORK/pid
JARS=$CACHE/cassandra-$VERSION/lib

# An OPTIONS frame is answered by SUPPORTED; with TLS there is only the port to look at.
is_ready() {
  if [ "${CASSANDRA_TLS:-0}" = 1 ]; then
    openssl s_client -connect "$ADDRESS:$PORT" </dev/null >/dev/null 2>&1
  else
    python3 - "$ADDRESS" "$PORT" <<'P'
import socket
import sys

try:
    with socket.create_connection((sys.argv[1], int(sys.argv[2])), 1) as peer:
        peer.settimeout(3)
        peer.sendall(bytes([4, 0, 0, 0, 5, 0, 0, 0, 0]))
        head = peer.recv(9)
        sys.exit(0 if len(head) == 9 and head[0] == 0x84 and head[4] == 6 else 1)
except OSError:
    sys.exit(1)
P
  fi
}

write_settings() {
  local authenticator=AllowAllAuthenticator authorizer=AllowAllAuthorizer
  [ "${CASSANDRA_AUTH:-0}" = 0 ] || { authenticator=PasswordAuthenticator authorizer=CassandraAuthorizer; }
  {
    cat <<C
cluster_name: 'Penstock test'
num_tokens: 16
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters:
      - seeds: "$SEED:$STORAGE_PORT"
listen_address: $ADDRESS
rpc_address: $ADDRESS
storage_port: $STORAGE_PORT
native_transport_port: $PORT
start_native_transport: true
authenticator: $authenticator
authorizer: $authorizer
role_manager: CassandraRoleManager
permissions_validity: 100ms
permissions_update_interval: 100ms
data_file_directories:
  - $WORK/data/data
commitlog_directory: $WORK/data/commitlog
hints_directory: $WORK/data/hints
saved_caches_directory: $WORK/data/saved_caches
cdc_raw_directory: $WORK/data/cdc_raw
auto_snapshot: false
auto_bootstrap: ${CASSANDRA_BOOTSTRAP:-true}
sasi_indexes_enabled: true
C
    if [ "${CASSANDRA_SYNC:-periodic}" = batch ]; then
      echo 'commitlog_sync: batch'
    else
      printf 'commitlog_sync: periodic\ncommitlog_sync_period: 10s\n'
    fi
    if [ "${CASSANDRA_TLS:-0}" = 1 ]; then
      cat <<C
client_encryption_options:
  enabled: true
  optional: false
  keystore: $WORK/server.p12
  keystore_password: penstock-secret
  store_type: PKCS12
C
    fi
  } >"$WORK/conf/cassandra.yaml"
  cat >"$WORK/conf/logback.xml" <<'C'
<configuration><appender name="O" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder></appender>
<root level="INFO"><appender-ref ref="O"/></root></configuration>
C
}

write_certificate() {
  need openssl openssl
  [ -f "$WORK/server.p12" ] && return
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
    -addext "subjectAltName=DNS:localhost,IP:$ADDRESS" -keyout "$WORK/server.key" -out "$WORK/server.pem" 2>/dev/null
  openssl pkcs12 -export -in "$WORK/server.pem" -inkey "$WORK/server.key" -name server \
    -out "$WORK/server.p12" -passout pass:penstock-secret
}

fetch() {
  maven_jars "cassandra-$VERSION" "cassandra-$VERSION.sha256" "org.apache.cassandra:cassandra-all:$VERSION"
}

# jvm-server.options and jvm17-server.options of the release, as far as they touch speed.
collector() {
  if [ "${CASSANDRA_GC:-}" = shipped ]; then
    echo -ea -da:net.openhft... -Dio.netty.allocator.useCacheForAllThreads=true -Dio.netty.allocator.maxOrder=11 \
      -XX:+UseG1GC -XX:+ParallelRefProcEnabled -XX:MaxTenuringThreshold=1 -XX:G1HeapRegionSize=16m \
      -XX:G1RSetUpdatingPauseTimePercent=5 -XX:MaxGCPauseMillis=300 -XX:InitiatingHeapOccupancyPercent=70 \
      -XX:+AlwaysPreTouch -XX:+UseTLAB -XX:+ResizeTLAB -XX:+UseNUMA -XX:StringTableSize=1000003 -XX:+UseThreadPriorities
  else
    echo "${CASSANDRA_GC:--XX:+UseSerialGC}"
  fi
}

# What Cassandra's own start script opens of the JDK for it.
java_modules() {
  local package
  for package in java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/sun.nio.ch java.base/java.lang.ref \
    java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server \
    java.sql/java.sql jdk.unsupported/sun.misc jdk.compiler/com.sun.tools.javac.file jdk.attach/sun.tools.attach; do
    echo "--add-exports $package=ALL-UNNAMED"
  done
  for package in java.base/java.lang.module java.base/jdk.internal.loader java.base/jdk.internal.ref \
    java.base/jdk.internal.reflect java.base/jdk.internal.math java.base/jdk.internal.module \
    java.base/jdk.internal.util.jar jdk.management/com.sun.management.internal java.base/sun.nio.ch java.base/java.io \
    java.base/java.lang.reflect java.base/java.lang java.base/java.util java.base/java.nio \
    java.base/java.util.concurrent java.base/java.util.concurrent.atomic java.base/java.math java.base/java.net \
    jdk.compiler/com.sun.tools.javac java.rmi/sun.rmi.transport.tcp; do
    echo "--add-opens $package=ALL-UNNAMED"
  done
}

start_it() {
  need java openjdk-17-jre-headless
  fetch
  ! (exec 3<>"/dev/tcp/$ADDRESS/$PORT") 2>/dev/null || die "port $PORT of $ADDRESS is in use"
  mkdir -p "$WORK/conf" "$WORK/tmp" "$WORK/data/hints"
  [ "${CASSANDRA_TLS:-0}" = 0 ] || write_certificate
  write_settings
  local modules gc jamm
  mapfile -t modules < <(java_modules | tr ' ' '\n')
  read -ra gc < <(collector)
  jamm=$(echo "$JARS"/jamm-*.jar)
  # One node has nobody to wait for: ring delay and gossip are cut short. A node that joins gives up when its seed
  # has not answered for twice the ring delay. The heap is fixed: it is a test's.
  local ring_delay_ms=100
  [ "$SEED" = "$ADDRESS" ] || ring_delay_ms=15000
  run_daemon "$PID" "$WORK/cassandra.log" env MALLOC_ARENA_MAX=2 java "${modules[@]}" "-Xms$HEAP" "-Xmx$HEAP" -Xss512k \
    "${gc[@]}" -XX:TieredStopAtLevel="${CASSANDRA_JIT:-4}" -XX:+ExitOnOutOfMemoryError -XX:+PerfDisableSharedMem \
    "-javaagent:$jamm" -Djava.net.preferIPv4Stack=true -Djava.io.tmpdir="$WORK/tmp" -Djdk.attach.allowAttachSelf=true \
    -Djava.security.manager=allow -Dio.netty.tryReflectionSetAccessible=true \
    "-Dcassandra.config=file://$WORK/conf/cassandra.yaml" "-Dlogback.configurationFile=file:$WORK/conf/logback.xml" \
    "-Dcassandra.logdir=$WORK" "-Dcassandra.storagedir=$WORK/data" "-Dcassandra.jmx.local.port=$JMX_PORT" \
    -Dcassandra-foreground=yes -Dcassandra.ring_delay_ms="$ring_delay_ms" \
    -Dcassandra.skip_wait_for_gossip_to_settle=0 \
    -Dcassandra.superuser_setup_delay_ms=0 -Dcassandra.consistent.rangemovement=false \
    -cp "$WORK/conf:$JARS/*" org.apache.cassandra.service.CassandraDaemon
  wait_for 180 "$PID" is_ready || { grep -E 'ERROR|Exception' "$WORK/cassandra.log" | tail -n 5 >&2; die "Cassandra is not ready: see $WORK/cassandra.log"; }
  say "ready: Cassandra $VERSION, $ADDRESS:$PORT"
}

stop_it() { stop_daemon "$PID"; }
end_it() { end_at_once; }

[ "${1:-start}" = fetch ] && { fetch; exit; }
dispatch "$@"
