#!/usr/bin/env bash
# PostgreSQL with a data folder of its own; the system's own cluster is not touched.
#   postgresql.sh start|stop|restart|kill|status|wipe     POSTGRES_PORT=5455  POSTGRES_PASSWORD=penstock
# Database and user are both "penstock"; the password is asked for.
. "$(dirname "$0")/lib.sh"
PORT=${POSTGRES_PORT:-5455}
PASSWORD=${POSTGRES_PASSWORD:-penstock}
BIN=${POSTGRES_BIN:-/usr/lib/postgresql/15/bin}
WORK=$RUN/postgresql-$PORT
PID=$WORK/pid

# PostgreSQL refuses to run as root.
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
psql_as() { PGPASSWORD=$PASSWORD "$BIN/psql" -qAtX -h 127.0.0.1 -p "$PORT" -U penstock "$@"; }
is_ready() { [ "$(psql_as -d "${1:-penstock}" -c 'SELECT 1' 2>/dev/null)" = 1 ]; }

make_cluster() {
  mkdir -p "$WORK"
  (umask 077 && echo "$PASSWORD" >"$WORK/password")
  if [ "$(id -u)" = 0 ]; then chown -R postgres "$WORK"; fi
  as_owner "$BIN/initdb" -D "$WORK/data" -U penstock -A scram-sha-256 --pwfile="$WORK/password" \
    -E UTF8 --locale=C.UTF-8 >"$RUN/initdb.log" 2>&1 || { tail -n 5 "$RUN/initdb.log" >&2; die initdb; }
  cat >>"$WORK/data/postgresql.conf" <<C
listen_addresses = '127.0.0.1'
port = $PORT
unix_socket_directories = ''
max_connections = 50
shared_buffers = 64MB
C
}

start_it() {
  [ -x "$BIN/initdb" ] || die "$BIN/initdb is missing: run tools/setup.sh real (Debian package postgresql-15)"
  [ -s "$WORK/data/PG_VERSION" ] || make_cluster
  port_free "$PORT"
  # After a kill the shared memory of the old one may still be attached by its children.
  local i
  for i in $(seq 50); do
    as_owner "$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/postgresql.log" -w -t 60 start >"$WORK/start.log" 2>&1 && break
    [ "$i" -lt 50 ] && grep -q "shared memory" "$WORK/postgresql.log" || { tail -n 5 "$WORK/postgresql.log" >&2; die start; }
    sleep 0.2
  done
  head -n 1 "$WORK/data/postmaster.pid" >"$PID"
  wait_for 30 "$PID" is_ready postgres || die "PostgreSQL does not answer: see $WORK/postgresql.log"
  is_ready || psql_as -d postgres -c 'CREATE DATABASE penstock' || die "cannot make the database"
  say "ready: $("$BIN/postgres" --version), port $PORT"
}

stop_it() {
  [ -s "$WORK/data/postmaster.pid" ] || { rm -f "$PID"; return 0; }
  as_owner "$BIN/pg_ctl" -D "$WORK/data" -m fast -w -t 60 stop >"$WORK/stop.log" 2>&1
  rm -f "$PID"
}

# The postmaster alone: its children find out and go, as after a crash.
kill_it() { kill_daemon "$PID"; }

dispatch "$@"
