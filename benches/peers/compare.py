"""Runs every client with the same work against the same server and writes results.json and peers.md.

Called by run.sh, which installs what is missing. Clients take turns, so that a slow minute of the machine hits all.
Every client runs with two amounts of work: the difference is what an event (or a request) costs, the rest is fixed.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import sys
from dataclasses import asdict
from pathlib import Path

import clients
import report
import servers
import short
import tree

TIMEOUT_S = 900


def main():
    options = arguments()
    tree.adopt_orphans()
    # This process samples memory: beside the server, not beside the client.
    os.sched_setaffinity(0, {options.server_core})
    # Ends like an interrupt: clients and servers are stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    empty(options.out)
    results = {"work": work_of(options), "machine": machine(), "streams": [], "short": []}
    streaming, bursts = streaming_clients(options), short_clients(options)
    for round_ in range(options.rounds):
        for client in streaming:
            for share in (1, 2):
                results["streams"] += attempt(stream_run, options, client, round_, share)
                save(options, results)
        for kind in ("simulator", "nginx"):
            if kind == "nginx" and options.nginx is None:
                continue
            for client in bursts:
                for share in (1, 2):
                    results["short"] += attempt(short_run, options, kind, client, round_, share)
                    save(options, results)
    print((options.out / "peers.md").read_text())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("infersweep", "raw", "aiperf", "guidellm", "llmnop", "wrk", "oha", "nginx"):
        parser.add_argument(f"--{name}", help=f"the program; {name} is left out without it")
    parser.add_argument("--simulator", required=True, help="the infersweep that serves")
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--short-requests", type=int, default=40_000)
    parser.add_argument("--client-core", type=int, default=0)
    parser.add_argument("--server-core", type=int, default=1)
    options = parser.parse_args()
    options.out = options.out.resolve()
    options.tokenizer = options.tokenizer.resolve()
    return options


def work_of(options):
    names = ("rounds", "streams", "requests", "tokens", "prompt_tokens", "short_requests")
    return {name: getattr(options, name) for name in names}


def machine():
    with open("/proc/cpuinfo") as info:
        models = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": len(models), "kernel": platform.release()}


def streaming_clients(options):
    made = [clients.RawReader(options.raw, kind) for kind in ("epoll", "tokio") if options.raw]
    for name, make in [
        ("infersweep", clients.Infersweep),
        ("llmnop", clients.Llmnop),
        ("aiperf", clients.Aiperf),
        ("guidellm", clients.Guidellm),
    ]:
        if program := getattr(options, name):
            made.append(make(program))
    return made


def short_clients(options):
    made = []
    for name, make in [("wrk", short.Wrk), ("infersweep", short.Infersweep), ("oha", short.Oha)]:
        if program := getattr(options, name):
            made.append(make(program))
    # Without wrk there is nothing to hold the others against.
    return made if options.wrk else []


def attempt(run, options, *rest):
    """One run; a client that fails is told of and left out of the medians."""
    try:
        return [run(options, *rest)]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        words = " ".join(getattr(word, "name", str(word)) for word in rest)
        print(f"failed: {words}: {type(error).__name__}: {error} (logs in {options.out})", file=sys.stderr)
        return []


def stream_run(options, client, round_, share):
    out = fresh(options.out / f"{round_}-{client.name.replace(' ', '-').replace(',', '')}-{share}")
    requests = share * options.requests
    with servers.simulator(options.simulator, options.server_core, out / "server.log", "50ms", "20ms") as server:
        work = clients.Work(
            url=server.url,
            streams=options.streams,
            requests=requests,
            tokens=options.tokens,
            prompt_tokens=options.prompt_tokens,
            tokenizer=options.tokenizer,
            out=out,
        )
        cost = run_client(options, client, client.command(work), out, server, client.environment)
        shown = client.shown(work, out / "client.log")
        true_mean_ms, true_p99_ms = server.true_ttft_ms(options.tokens)
    print(f"round {round_}: {client.name}, {requests} requests: {cost.cpu_s:.2f} CPU s, {cost.wall_s:.1f} s", file=sys.stderr)
    return {
        "client": client.name,
        "version": client.version(),
        "round": round_,
        "share": share,
        "requests": requests,
        "events": requests * options.tokens,
        **asdict(cost),
        **asdict(shown),
        "true_ttft_mean_ms": true_mean_ms,
        "true_ttft_p99_ms": true_p99_ms,
    }


def short_run(options, kind, client, round_, share):
    out = fresh(options.out / f"{round_}-short-{kind}-{client.name}-{share}")
    requests = share * options.short_requests
    if kind == "simulator":
        serving = servers.simulator(options.simulator, options.server_core, out / "server.log", "0s", "0s")
    else:
        serving = servers.nginx(options.nginx, options.server_core, out / "server.log", out)
    with serving as server:
        cost = run_client(options, client, client.command(server.url, requests, out), out, server, {})
    burst = client.shown(out, out / "client.log")
    print(f"round {round_}: {client.name}, short requests to {kind}: {burst.per_s:.0f}/s", file=sys.stderr)
    return {
        "client": client.name,
        "version": client.version(),
        "server": kind,
        "round": round_,
        "share": share,
        **asdict(cost),
        **asdict(burst),
    }


def run_client(options, client, command, out, server, environment):
    return tree.run(
        [str(word) for word in command],
        core=options.client_core,
        log=out / "client.log",
        environment={**os.environ, **environment},
        timeout_s=TIMEOUT_S,
        spared=[server.pid],
    )


def empty(out):
    """Empties the directory of an earlier comparison, and no other."""
    if out.exists() and any(out.iterdir()) and not (out / "results.json").exists():
        sys.exit(f"{out} holds something else than an earlier comparison")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "results.json").write_text("{}")


def fresh(directory):
    directory.mkdir(parents=True)
    return directory


def save(options, results):
    (options.out / "results.json").write_text(json.dumps(results, indent=1))
    (options.out / "peers.md").write_text(report.markdown(results))


if __name__ == "__main__":
    main()
