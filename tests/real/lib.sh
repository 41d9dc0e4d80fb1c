# Sourced by the scripts of this folder: downloads, processes, ports. Everything listens on loopback only.
#   PENSTOCK_CACHE  what was downloaded, kept: by default ~/.cache/penstock
#   REAL_RUN        data, configuration, pids and logs: by default /tmp/penstock-real-UID. Not under a home folder:
#                   PostgreSQL drops to another user, who could not enter it.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${PENSTOCK_CACHE:-$HOME/.cache/penstock}
RUN=${REAL_RUN:-${TMPDIR:-/tmp}/penstock-real-$(id -u)}
mkdir -p "$CACHE" "$RUN"
chmod 755 "$RUN"

say() { echo "[$(basename "$0")] $*" >&2; }
die() { say "failed: $*"; exit 1; }
need() { # command package
  command -v "$1" >/dev/null || die "$1 is missing: run tools/setup.sh real (Debian package $2)"
}

alive() { [ -f "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }
port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
port_free() { ! port_open "$1" || die "port $1 is in use"; }

# wait_for SECONDS PIDFILE COMMAND...: until the command succeeds, as long as the process lives.
wait_for() {
  local end=$((SECONDS + $1)) pid_file=$2
  shift 2
  while [ $SECONDS -lt $end ]; do
    "$@" && return 0
    alive "$pid_file" || return 1
    sleep 0.1
  done
  return 1
}

# run_daemon PIDFILE LOGFILE COMMAND...
run_daemon() {
  local pid_file=$1 log_file=$2
  shift 2
  setsid nohup "$@" >>"$log_file" 2>&1 </dev/null &
  echo $! >"$pid_file"
}

stop_daemon() { # PIDFILE
  alive "$1" || { rm -f "$1"; return 0; }
  local pid i
  pid=$(cat "$1")
  kill -CONT "$pid" 2>/dev/null
  kill "$pid" 2>/dev/null
  for i in $(seq 300); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$1"; return 0; }
    sleep 0.1
  done
  say "process $pid did not stop within 30 s: killing it"
  kill -9 "$pid" 2>/dev/null
  rm -f "$1"
}

kill_daemon() { # PIDFILE
  local pid i
  alive "$1" || die "not running"
  pid=$(cat "$1")
  kill -9 "$pid"
  for i in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
  rm -f "$1"
}

# one_at_a_time COMMAND...: what is fetched into the cache unless it is there, as tests that run side by side want the same.
one_at_a_time() {
  exec 8>"$CACHE/lock"
  flock 8
  "$@"
  exec 8>&-
}

# What Java programs that bring no logging write their log with, by the settings that write_log4j2 FILE makes.
LOG4J=(org.apache.logging.log4j:log4j-slf4j-impl:2.25.4 org.apache.logging.log4j:log4j-core:2.25.4)
write_log4j2() {
  cat >"$1" <<'C'
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN"><Appenders><Console name="O" target="SYSTEM_OUT"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console></Appenders>
<Loggers><Root level="INFO"><AppenderRef ref="O"/></Root></Loggers></Configuration>
C
}

# maven_jars FOLDER HASHES DEPENDENCY...: the jars of the dependencies (group:artifact:version) with all that they
# need, once, into CACHE/FOLDER/lib. Their SHA-256 must be those of the file HASHES of this folder.
maven_jars() {
  [ -f "$CACHE/$1/complete" ] || one_at_a_time fetch_jars "$@"
}

fetch_jars() {
  local folder=$CACHE/$1 hashes=$HERE/$2
  shift 2
  if [ ! -f "$folder/complete" ]; then
    need mvn maven
    rm -rf "$folder"
    mkdir -p "$folder"
    {
      echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
      echo '<groupId>penstock</groupId><artifactId>real</artifactId><version>1</version><dependencies>'
      local dependency group artifact version
      for dependency in "$@"; do
        IFS=: read -r group artifact version <<<"$dependency"
        echo "<dependency><groupId>$group</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
      done
      echo '</dependencies></project>'
    } >"$folder/pom.xml"
    say "fetching $* (once)"
    # Some parents name mirrors of their own; everything comes from where Maven itself looks, or the user's settings say.
    local settings=()
    if [ ! -f "$HOME/.m2/settings.xml" ]; then
      local central
      central=$(python3 -c 'import re, sys, zipfile
print(re.search("<url>(.*?)</url>", zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())[1])' \
        "$(find /usr/share/maven/lib -name 'maven-model-builder*.jar' | head -n 1)" org/apache/maven/model/pom-4.0.0.xml)
      echo "<settings><mirrors><mirror><id>central</id><mirrorOf>*</mirrorOf><url>$central</url></mirror></mirrors></settings>" \
        >"$folder/settings.xml"
      settings=(-s "$folder/settings.xml")
    fi
    mvn -B -ntp -q "${settings[@]}" -f "$folder/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$folder/lib" >"$folder/maven.log" 2>&1 ||
      { tail -n 20 "$folder/maven.log" >&2; die "Maven could not fetch $*: see $folder/maven.log"; }
    check_hashes "$folder/lib" "$hashes"
    touch "$folder/complete"
  fi
}

# Every jar must be in the list, and as it says. RECORD_HASHES=1 writes the list instead: for a new version.
check_hashes() { # FOLDER HASHES
  if [ "${RECORD_HASHES:-0}" = 1 ]; then
    (cd "$1" && LC_ALL=C sha256sum -- *.jar) >"$2"
    return 0
  fi
  [ -f "$2" ] || die "no list of hashes $2: this version has not been tried (RECORD_HASHES=1 makes the list)"
  (cd "$1" && sha256sum --quiet --strict -c "$2") >&2 || die "a jar in $1 differs from what $2 says"
  diff <(cd "$1" && LC_ALL=C ls -- *.jar) <(awk '{print $2}' "$2") >&2 || die "jars in $1 that $2 does not list"
}

# check_file FILE LIST: one file against the list of hashes of this folder that names it.
check_file() {
  if [ "${RECORD_HASHES:-0}" = 1 ]; then
    (cd "$(dirname "$1")" && sha256sum -- "$(basename "$1")") >"$2"
    return 0
  fi
  [ -f "$2" ] || die "no list of hashes $2: this version has not been tried (RECORD_HASHES=1 makes the list)"
  (cd "$(dirname "$1")" && sha256sum --quiet --strict -c "$2") >&2 || die "$1 differs from what $2 says"
}

# dispatch COMMAND: start, stop, restart, kill (-9), freeze and thaw (SIGSTOP, SIGCONT), status, wipe. The script that
# sources this sets WORK and PID and defines start_it, stop_it and is_ready, and end_it if what will be wiped may end in
# a shorter way.
dispatch() {
  case ${1:-start} in
    start)
      if alive "$PID"; then say "runs already"; else start_it; fi
      ;;
    stop) stop_it ;;
    restart) stop_it && start_it ;;
    kill) kill_it ;;
    freeze) kill -STOP "$(cat "$PID")" ;;
    thaw) kill -CONT "$(cat "$PID")" ;;
    status) alive "$PID" && is_ready ;;
    wipe)
      end_it
      rm -rf "$WORK"
      ;;
    *) die "expected start, stop, restart, kill, freeze, thaw, status or wipe, not '$1'" ;;
  esac
}
kill_it() { kill_daemon "$PID"; }
end_it() { stop_it; }
# Of one process, whose orderly end takes seconds.
end_at_once() { ! alive "$PID" || kill_daemon "$PID"; }
