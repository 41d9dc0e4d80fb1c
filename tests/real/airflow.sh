#!/usr/bin/env bash
# Apache Airflow 3 with LocalExecutor and PostgreSQL as its database (postgresql.sh, which must run), and this project's
# provider installed in it. API server, scheduler, DAG processor and triggerer, on loopback only.
#   airflow.sh start|stop|restart|status|wipe
#   airflow.sh install        the virtual environment alone, once, in the cache; versions from airflow-constraints.txt
#   airflow.sh unit           the provider's own tests
#   AIRFLOW_PORT=8080  AIRFLOW_DAGS=integrations/airflow/example_dags  POSTGRES_PORT=5455
# User admin, password admin.
. "$(dirname "$0")/lib.sh"
ROOT=$(cd "$HERE/../.." && pwd)
VERSION=3.3.2
PORT=${AIRFLOW_PORT:-8080}
DAGS=${AIRFLOW_DAGS:-$ROOT/integrations/airflow/example_dags}
DATABASE=penstock:${POSTGRES_PASSWORD:-penstock}@127.0.0.1:${POSTGRES_PORT:-5455}
VENV=$CACHE/airflow-$VERSION
WORK=$RUN/airflow-$PORT
PID=$WORK/api-server.pid
URL=http://127.0.0.1:$PORT
PARTS=(api-server scheduler dag-processor triggerer)

install_it() {
  local wanted
  wanted=$(sha256sum <"$HERE/airflow-constraints.txt")
  if [ "$(cat "$VENV/installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing Apache Airflow $VERSION (once)"
    rm -rf "$VENV"
    # Debian's own Python, whatever else is first in the path.
    /usr/bin/python3 -m venv "$VENV" || die "python3-venv is missing: run tools/setup.sh real"
    # uv resolves the 140 packages in a tenth of pip's time.
    { "$VENV/bin/pip" install -q --disable-pip-version-check uv==0.13.9 &&
      "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" -r "$HERE/airflow-constraints.txt"; } >"$VENV/install.log" 2>&1 ||
      { tail -n 5 "$VENV/install.log" >&2; die "Airflow could not be installed: see $VENV/install.log"; }
    echo "$wanted" >"$VENV/installed"
  fi
  "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --no-deps --no-build-isolation --reinstall \
    "$ROOT/integrations/airflow" || die "the provider could not be installed"
}

random_key() { head -c "$1" /dev/urandom | base64 -w0 | tr '+/' '-_'; }

settings() {
  if [ ! -s "$WORK/keys" ]; then
    mkdir -p "$WORK"
    (umask 077 && echo "JWT=$(random_key 48) API=$(random_key 24) FERNET=$(random_key 32)" >"$WORK/keys"
     echo '{"admin": "admin"}' >"$WORK/passwords.json")
  fi
  local JWT API FERNET
  eval "$(cat "$WORK/keys")"
  export AIRFLOW_HOME=$WORK
  export AIRFLOW__CORE__EXECUTOR=LocalExecutor AIRFLOW__CORE__PARALLELISM=4 AIRFLOW__CORE__LOAD_EXAMPLES=False
  export AIRFLOW__CORE__DAGS_FOLDER=$DAGS AIRFLOW__CORE__FERNET_KEY=$FERNET AIRFLOW__CORE__TEST_CONNECTION=Enabled
  export AIRFLOW__CORE__EXECUTION_API_SERVER_URL=$URL/execution/
  export AIRFLOW__CORE__AUTH_MANAGER=airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager
  export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=admin:admin
  export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE=$WORK/passwords.json
  # With the driver's name: the bare scheme means another driver than the one that is installed.
  export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=postgresql+psycopg2://$DATABASE/airflow
  # The first call after a start builds the execution API, which takes longer than the 5 s that a task would wait.
  export AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=60
  export AIRFLOW__API__HOST=127.0.0.1 AIRFLOW__API__PORT=$PORT AIRFLOW__API__BASE_URL=$URL AIRFLOW__API__WORKERS=1
  export AIRFLOW__API__SECRET_KEY=$API AIRFLOW__API_AUTH__JWT_SECRET=$JWT
  export AIRFLOW__LOGGING__BASE_LOG_FOLDER=$WORK/logs
  # By default new files are looked for every 5 minutes.
  export AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=5 AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL=60
  export AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME=0.5
  export no_proxy=127.0.0.1 NO_PROXY=127.0.0.1 PATH=$VENV/bin:$PATH PYTHONDONTWRITEBYTECODE=1
}

psql_as() { psql -qAtX "postgresql://$DATABASE/$1" -c "$2"; }

is_ready() {
  curl -fsS -m 5 "$URL/api/v2/monitor/health" 2>/dev/null | /usr/bin/python3 -c '
import json, sys
health = json.load(sys.stdin)
parts = ("metadatabase", "scheduler", "dag_processor", "triggerer")
sys.exit(not all((health.get(part) or {}).get("status") == "healthy" for part in parts))' 2>/dev/null
}

start_it() {
  need psql postgresql-client
  need curl curl
  install_it
  port_free "$PORT"
  settings
  if [ "$(psql_as penstock "SELECT 1 FROM pg_database WHERE datname = 'airflow'")" != 1 ]; then
    psql_as penstock 'CREATE DATABASE airflow' || die "PostgreSQL does not answer: run postgresql.sh start"
  fi
  airflow db migrate >"$WORK/migrate.log" 2>&1 || { tail -n 5 "$WORK/migrate.log" >&2; die "airflow db migrate"; }
  run_daemon "$WORK/api-server.pid" "$WORK/api-server.log" airflow api-server
  # Its log server would listen on every address; with LocalExecutor the API server reads the files.
  run_daemon "$WORK/scheduler.pid" "$WORK/scheduler.log" airflow scheduler --skip-serve-logs
  run_daemon "$WORK/dag-processor.pid" "$WORK/dag-processor.log" airflow dag-processor
  run_daemon "$WORK/triggerer.pid" "$WORK/triggerer.log" airflow triggerer --skip-serve-logs
  wait_for 240 "$PID" is_ready || { tail -n 5 "$WORK"/*.log >&2; die "Airflow is not ready: see $WORK/*.log"; }
  curl -s -o /dev/null -m 120 "$URL/execution/health"
  say "ready: Apache Airflow $VERSION, $URL"
}

stop_it() {
  local part pid
  for part in scheduler dag-processor triggerer api-server; do
    [ -f "$WORK/$part.pid" ] || continue
    pid=$(cat "$WORK/$part.pid")
    kill -TERM "$pid" 2>/dev/null
  done
  for part in "${PARTS[@]}"; do
    [ -f "$WORK/$part.pid" ] || continue
    pid=$(cat "$WORK/$part.pid")
    stop_daemon "$WORK/$part.pid"
    # Each was started as the leader of a process group of its own.
    kill -KILL -- "-$pid" 2>/dev/null
  done
  return 0
}

case ${1:-start} in
  install) install_it ;;
  unit)
    install_it
    settings
    export AIRFLOW_HOME=$WORK/unit AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=sqlite:///$WORK/unit/airflow.db
    cd "$ROOT/integrations/airflow" && "$VENV/bin/python" -m pytest -q -p no:cacheprovider
    ;;
  *) dispatch "$@" ;;
esac
