#!/usr/bin/env bash
# Prometheus from Debian's package, unpacked into the cache and not installed: the package would start a service on 9090,
# which leads to Penstock's console.
#   prometheus.sh start|stop|restart|kill|status|wipe      PROMETHEUS_PORT=9095  PROMETHEUS_CONFIG=FILE
#   prometheus.sh fetch      prints the folder with prometheus and promtool
. "$(dirname "$0")/lib.sh"
PORT=${PROMETHEUS_PORT:-9095}
WORK=$RUN/prometheus-$PORT
PID=$WORK/pid

fetch() {
  local version
  version=$(apt-cache policy prometheus | awk '/Candidate:/ {print $2}')
  [ -n "$version" ] && [ "$version" != "(none)" ] || die "apt knows no package prometheus: run apt-get update"
  FOLDER=$CACHE/prometheus-${version//[^A-Za-z0-9.+]/_}
  [ -f "$FOLDER/complete" ] && return 0
  say "fetching prometheus $version (once)"
  rm -rf "$FOLDER"
  mkdir -p "$FOLDER"
  # apt checks the signature and the hash. The sandbox user may not be able to write here, which apt warns of.
  (cd "$FOLDER" && apt-get download -q "prometheus=$version" >fetch.log 2>&1) || { tail -n 3 "$FOLDER/fetch.log" >&2; die "apt-get download"; }
  dpkg -x "$FOLDER"/prometheus_*.deb "$FOLDER" || die "dpkg -x"
  rm "$FOLDER"/prometheus_*.deb
  touch "$FOLDER/complete"
}

is_ready() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$PORT/-/ready" 2>/dev/null; }

start_it() {
  need curl curl
  one_at_a_time fetch
  port_free "$PORT"
  [ -f "${PROMETHEUS_CONFIG:-}" ] || die "PROMETHEUS_CONFIG names no file: '${PROMETHEUS_CONFIG:-}'"
  mkdir -p "$WORK"
  run_daemon "$PID" "$WORK/prometheus.log" "$FOLDER/usr/bin/prometheus" --config.file="$PROMETHEUS_CONFIG" \
    --storage.tsdb.path="$WORK/data" --web.listen-address="127.0.0.1:$PORT"
  wait_for 60 "$PID" is_ready || { tail -n 5 "$WORK/prometheus.log" >&2; die "Prometheus is not ready: see $WORK/prometheus.log"; }
  say "ready: $("$FOLDER/usr/bin/prometheus" --version 2>&1 | head -n 1), port $PORT"
}

stop_it() { stop_daemon "$PID"; }

if [ "${1:-start}" = fetch ]; then
  one_at_a_time fetch
  echo "$FOLDER/usr/bin"
  exit
fi
dispatch "$@"
