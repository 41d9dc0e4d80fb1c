#!/usr/bin/env bash
# Apache ZooKeeper, as Debian packages it: one server.
#   zookeeper.sh start|stop|restart|kill|freeze|thaw|status|wipe     ZOOKEEPER_PORT=2181  ZOOKEEPER_TICK_MS=500
# A session lives for 2 to 20 ticks.
. "$(dirname "$0")/lib.sh"
PORT=${ZOOKEEPER_PORT:-2181}
WORK=$RUN/zookeeper-$PORT
PID=$WORK/pid

# "ruok" says yes before requests are served.
is_ready() {
  local answer
  answer=$({ exec 3<>"/dev/tcp/127.0.0.1/$PORT" && printf srvr >&3 && timeout 2 cat <&3; } 2>/dev/null)
  [[ $answer == *Mode:* ]]
}

start_it() {
  need java openjdk-17-jre-headless
  [ -f /usr/share/java/zookeeper.jar ] || die "ZooKeeper is missing: run tools/setup.sh real"
  port_free "$PORT"
  mkdir -p "$WORK/data"
  cat >"$WORK/zoo.cfg" <<C
tickTime=${ZOOKEEPER_TICK_MS:-500}
dataDir=$WORK/data
clientPort=$PORT
clientPortAddress=127.0.0.1
maxClientCnxns=0
admin.enableServer=false
4lw.commands.whitelist=srvr
C
  cat >"$WORK/log4j.properties" <<'C'
log4j.rootLogger=INFO, O
log4j.appender.O=org.apache.log4j.ConsoleAppender
log4j.appender.O.layout=org.apache.log4j.PatternLayout
log4j.appender.O.layout.ConversionPattern=%d{ISO8601} %-5p %m (%c)%n
C
  # The jar's manifest names the jars that it needs.
  run_daemon "$PID" "$WORK/zookeeper.log" java -Xmx256m -Dlog4j.configuration=file:"$WORK/log4j.properties" \
    -cp /usr/share/java/zookeeper.jar org.apache.zookeeper.server.quorum.QuorumPeerMain "$WORK/zoo.cfg"
  wait_for 60 "$PID" is_ready || { tail -n 5 "$WORK/zookeeper.log" >&2; die "ZooKeeper is not ready: see $WORK/zookeeper.log"; }
  say "ready: ZooKeeper, port $PORT"
}

stop_it() { stop_daemon "$PID"; }
end_it() { end_at_once; }

dispatch "$@"
