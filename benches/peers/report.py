"""The tables: medians over the rounds.

`report.py results.json` prints them again; with `--into FILE` they go between FILE's markers, <!-- peers --> and
<!-- /peers -->, <!-- short --> and <!-- /short -->.
"""

import json
import re
import sys
from pathlib import Path
from statistics import median

FLOOR = "raw reader, epoll"


def markdown(results):
    return "\n".join(parts(results).values())


def parts(results):
    """The tables by the name of their markers, each with the machine and the work above it."""
    work, machine = results["work"], results["machine"]
    where = f"{machine['cpu']}, Linux {machine['kernel']}; client and server pinned to a core each."
    how = f"Medians of {work['rounds']} rounds in which the clients took turns."
    found = {}
    if results["streams"]:
        found["peers"] = (
            f"{where} {work['streams']} streams, {work['prompt_tokens']} input and {work['tokens']} output tokens a "
            f"request, TTFT 50 ms, an event every 20 ms. {how}\n\n{streams_table(results['streams'], work)}"
        )
    if results["short"]:
        found["short"] = f"{where} {how}\n\n{short_table(results['short'])}"
    return found


def into(text, found):
    for name, table in found.items():
        marked = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
        if not marked.search(text):
            sys.exit(f"there is no <!-- {name} --> ... <!-- /{name} -->")
        text = marked.sub(lambda marks: f"{marks[1]}{table}{marks[2]}", text)
    return text


def streams_table(runs, work):
    lines = [
        f"| client | version | CPU s, {work['requests']} requests | of it fixed | CPU us/event | x raw reader | peak MB | wall s "
        "| mean TTFT shown / true, ms | p99 TTFT shown / true, ms | requests lost |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    floor = slope(of(runs, FLOOR), "events")
    for client in names(runs):
        ours = of(runs, client)
        once = [run for run in ours if run["share"] == 1]
        an_event, fixed = slope(ours, "events"), fixed_s(ours, "events")
        ttft, p99 = (
            f"{med(once, f'ttft_{stat}_ms'):.1f} / {med(once, f'true_ttft_{stat}_ms'):.1f}" for stat in ("mean", "p99")
        )
        lines.append(
            f"| {client} | {ours[0]['version']} | {med(once, 'cpu_s'):.2f} | {number(fixed, 2)} | {micros(an_event)} "
            f"| {ratio(an_event, floor)} | {med(once, 'peak_mb'):.0f} | {med(once, 'wall_s'):.1f} | {ttft} | {p99} "
            f"| {sum(run['requests'] - run['completed'] for run in ours)} |"
        )
    return "\n".join(lines) + "\n"


def short_table(runs):
    lines = [
        "| server | client | version | requests/s | of wrk's | CPU us/request | requests per CPU second | of wrk's | errors |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for server in dict.fromkeys(run["server"] for run in runs):
        here = [run for run in runs if run["server"] == server]
        wrk_s, wrk_cpu = med(of(here, "wrk"), "per_s"), slope(of(here, "wrk"), "completed")
        for client in names(here):
            ours = of(here, client)
            per_s, cpu = med(ours, "per_s"), slope(ours, "completed")
            per_cpu_s = 1 / cpu if cpu else None
            lines.append(
                f"| {server} | {client} | {ours[0]['version']} | {per_s:.0f} | {ratio(per_s, wrk_s)} | {micros(cpu)} "
                f"| {number(per_cpu_s, 0)} | {ratio(wrk_cpu, cpu)} | {sum(run['errors'] for run in ours)} |"
            )
    return "\n".join(lines) + "\n"


def slope(runs, unit):
    """Processor seconds for one more event or request: the median over rounds of (large - small) / difference."""
    found = [(large["cpu_s"] - small["cpu_s"]) / (large[unit] - small[unit]) for small, large in pairs(runs)]
    return median(found) if found else None


def fixed_s(runs, unit):
    """Processor seconds that no event accounts for."""
    an_event = slope(runs, unit)
    found = [small["cpu_s"] - an_event * small[unit] for small, _ in pairs(runs)]
    return median(found) if found else None


def pairs(runs):
    by_round = {}
    for run in runs:
        by_round.setdefault(run["round"], {})[run["share"]] = run
    return [(both[1], both[2]) for both in by_round.values() if len(both) == 2]


def of(runs, client):
    return [run for run in runs if run["client"] == client]


def names(runs):
    return list(dict.fromkeys(run["client"] for run in runs))


def med(runs, key):
    return median(run[key] for run in runs) if runs else float("nan")


def number(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def micros(seconds):
    return "" if seconds is None else f"{seconds * 1e6:.1f}"


def ratio(value, base):
    return f"{value / base:.2f}" if value and base else ""


def main():
    results = json.loads(Path(sys.argv[1]).read_text())
    if "--into" in sys.argv:
        document = Path(sys.argv[sys.argv.index("--into") + 1])
        document.write_text(into(document.read_text(), parts(results)))
    else:
        print(markdown(results))


if __name__ == "__main__":
    main()
