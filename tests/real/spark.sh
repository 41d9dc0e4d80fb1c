#!/usr/bin/env bash
# Apache Spark: a standalone master with its UI, one worker, and the Connect server, which is the cluster's application.
#   spark.sh start|stop|restart|kill|freeze|thaw|status|wipe      restart, kill, freeze and thaw: the Connect server
#   spark.sh cluster      the master and the worker alone, for spark-submit
#   SPARK_VERSION=3.5.7 (with the Cassandra connector) or 4.2.0   SPARK_CONNECT_PORT=15002
#   SPARK_MASTER_PORT, SPARK_UI_PORT, SPARK_WORKER_UI_PORT=SPARK_CONNECT_PORT+1, +2, +3
. "$(dirname "$0")/lib.sh"
VERSION=${SPARK_VERSION:-3.5.7}
PORT=${SPARK_CONNECT_PORT:-15002}
MASTER_PORT=${SPARK_MASTER_PORT:-$((PORT + 1))}
UI_PORT=${SPARK_UI_PORT:-$((PORT + 2))}
WORKER_UI_PORT=${SPARK_WORKER_UI_PORT:-$((PORT + 3))}
WORK=$RUN/spark-$PORT
PID=$WORK/connect.pid
JARS=$CACHE/spark-$VERSION/lib
URL=spark://127.0.0.1:$MASTER_PORT
case $VERSION in 3.*) SCALA=2.12 ;; *) SCALA=2.13 ;; esac

# What bin/spark-class gives every JVM since Java 17 closed its insides.
OPENS=(-XX:+IgnoreUnrecognizedVMOptions -Djdk.reflect.useDirectMethodHandle=false -Dio.netty.tryReflectionSetAccessible=true)
for package in java.lang java.lang.invoke java.lang.reflect java.io java.net java.nio java.util java.util.concurrent \
  java.util.concurrent.atomic sun.nio.ch sun.nio.cs sun.security.action sun.util.calendar; do
  OPENS+=("--add-opens=java.base/$package=ALL-UNNAMED")
done

is_ready() { port_open "$PORT"; }
has_worker() { grep -q 'Registering worker' "$WORK/master.log"; }
master_is_up() { port_open "$MASTER_PORT"; }

fetch() {
  local dependencies=() part
  for part in sql connect sql-kafka-0-10; do dependencies+=("org.apache.spark:spark-${part}_$SCALA:$VERSION"); done
  # Spark 4 has none yet.
  case $VERSION in 3.*) dependencies+=("com.datastax.spark:spark-cassandra-connector_$SCALA:3.5.1") ;; esac
  maven_jars "spark-$VERSION" "spark-$VERSION.sha256" "${dependencies[@]}"
}

launch() { # NAME HEAP CLASS ARGUMENT...
  local name=$1 heap=$2
  shift 2
  local properties=()
  while [[ $1 == -D* ]]; do
    properties+=("$1")
    shift
  done
  # In a folder of its own: it leaves folders where it stands.
  cd "$WORK" || die "no folder $WORK"
  run_daemon "$WORK/$name.pid" "$WORK/$name.log" env SPARK_HOME="$WORK/home" SPARK_SCALA_VERSION=$SCALA \
    SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_DIRS="$WORK/local" java "-Xmx$heap" "${OPENS[@]}" "${properties[@]}" \
    -Dlog4j2.configurationFile="$WORK/log4j2.properties" -cp "$WORK/home/jars/*" "$@"
}

start_connect() {
  launch connect 700m "-Dspark.master=$URL" "-Dspark.app.name=Spark Connect server" \
    -Dspark.driver.host=127.0.0.1 -Dspark.driver.bindAddress=127.0.0.1 -Dspark.executor.memory=700m \
    -Dspark.cores.max=2 -Dspark.ui.enabled=false -Dspark.sql.shuffle.partitions=2 \
    -Dspark.connect.grpc.binding.port="$PORT" -Dspark.connect.grpc.binding.address=127.0.0.1 \
    org.apache.spark.sql.connect.service.SparkConnectServer
  wait_for 120 "$PID" is_ready || { tail -n 5 "$WORK/connect.log" >&2; die "Spark Connect is not ready: see $WORK/connect.log"; }
}

start_cluster() {
  need java openjdk-17-jre-headless
  fetch
  mkdir -p "$WORK/home" "$WORK/local" "$WORK/work"
  ln -sfn "$JARS" "$WORK/home/jars"
  cat >"$WORK/log4j2.properties" <<'C'
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n%ex
C
  if ! alive "$WORK/master.pid"; then
    port_free "$MASTER_PORT"
    : >"$WORK/master.log"
    launch master 256m org.apache.spark.deploy.master.Master --host 127.0.0.1 --port "$MASTER_PORT" --webui-port "$UI_PORT"
    wait_for 60 "$WORK/master.pid" master_is_up || die "the master is not ready: see $WORK/master.log"
  fi
  if ! alive "$WORK/worker.pid"; then
    launch worker 256m org.apache.spark.deploy.worker.Worker --host 127.0.0.1 --cores 2 --memory 1g \
      --webui-port "$WORKER_UI_PORT" -d "$WORK/work" "$URL"
  fi
  wait_for 60 "$WORK/worker.pid" has_worker || die "the worker is not registered: see $WORK/worker.log"
}

start_it() {
  start_cluster
  port_free "$PORT"
  start_connect
  say "ready: Spark $VERSION, Connect at $PORT, UI at $UI_PORT"
}

stop_it() {
  local name
  for name in connect worker master; do stop_daemon "$WORK/$name.pid"; done
}

case ${1:-start} in
  fetch)
    fetch
    exit
    ;;
  cluster)
    start_cluster
    exit
    ;;
  restart) # the cluster stays, as when somebody restarts the application
    stop_daemon "$PID"
    start_it
    exit
    ;;
esac
dispatch "$@"
