#!/usr/bin/env bash
# Where the client's time goes: benches/engine.rs under Linux perf.
#
#   benches/profile.sh [STREAMS]
#
# Needs perf and leave to sample (root, or kernel.perf_event_paranoid <= 1). Prints what functions cost by themselves and
# with all they call, and leaves target/profile/client.folded for any flame graph viewer. STREAMS: 100.
# The samples are of processor time, kernel included: virtual machines rarely have an instruction counter.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
streams=${1:-100}
out=$root/target/profile
mkdir -p "$out"
command -v perf >/dev/null || { echo "perf is not here (Debian: apt-get install linux-perf)" >&2; exit 1; }

bench=${BENCH:-$(cargo build --locked --release --manifest-path "$root/Cargo.toml" --bench engine --message-format json | python3 -c '
import json, sys
for message in map(json.loads, sys.stdin):
    if message.get("executable") and message["target"]["name"] == "engine":
        print(message["executable"])')}

trap 'rm -f "$out/perf.data"' EXIT
# Stacks are unwound from copies of the stack: the standard library has no frame pointers.
perf record --quiet --event cpu-clock --freq 5000 --call-graph dwarf,16384 --output "$out/perf.data" "$bench" "$streams"
perf script --input "$out/perf.data" --no-inline --fields comm,pid,tid,time,ip,sym 2>/dev/null |
  python3 -B "$root/benches/profile.py" "$out/client.folded"
