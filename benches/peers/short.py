"""Short requests without streaming: what a client spends on a request, beside wrk."""

import json
import re
import subprocess
from dataclasses import dataclass

from clients import SCENARIO, said

CONNECTIONS = 32
# wrk takes a time, not a count: this many requests are worth a second.
REQUESTS_A_SECOND = 4_000
BODY = json.dumps(
    {
        "model": "simulator",
        "messages": [{"role": "user", "content": "0f3a one two three four five six seven eight nine ten eleven twelve"}],
        "max_tokens": 1,
        "stream": False,
    }
)

WRK = """\
wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["content-type"] = "application/json"
done = function(summary, latency, requests)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format("result %d %d %d\\n", summary.requests, summary.duration, bad))
end
"""


@dataclass(frozen=True)
class Burst:
    """What a client reports of one burst."""

    completed: int
    errors: int
    per_s: float


class Wrk:
    name = "wrk"

    def __init__(self, program):
        self.program = program

    def version(self):
        said_so = subprocess.run([self.program, "-v"], capture_output=True, text=True).stdout
        return re.search(r"\d+\.\d+\.\d+", said_so).group()

    def command(self, url, requests, out):
        script = out / "post.lua"
        script.write_text(WRK.format(body=BODY))
        seconds = max(1, requests // REQUESTS_A_SECOND)
        return [
            self.program, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script, f"{url}/chat/completions",
        ]  # fmt: skip

    def shown(self, out, log):
        completed, duration_us, errors = map(int, re.search(r"^result (\d+) (\d+) (\d+)", log.read_text(), re.M).groups())
        return Burst(completed, errors, completed / duration_us * 1e6)


class Oha:
    name = "oha"

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, url, requests, out):
        return [
            self.program, "-n", str(requests), "-c", str(CONNECTIONS), "-m", "POST", "-T", "application/json",
            "-d", BODY, "--no-tui", "--output-format", "json", "-o", out / "oha.json", f"{url}/chat/completions",
        ]  # fmt: skip

    def shown(self, out, log):
        result = json.loads((out / "oha.json").read_text())
        statuses, errors = result["statusCodeDistribution"], result["errorDistribution"]
        completed = statuses.pop("200", 0)
        return Burst(completed, sum(statuses.values()) + sum(errors.values()), result["summary"]["requestsPerSec"])


class Infersweep:
    name = "infersweep"

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, url, requests, out):
        scenario = out / "peers.toml"
        scenario.write_text(
            SCENARIO.format(
                url=url,
                stream="false",
                tokenizer="words",
                prompt_tokens=16,
                tokens=1,
                streams=CONNECTIONS,
                requests=requests,
            )
        )
        return [self.program, "run", scenario, "--out", out / "results", "--yes", "--quiet"]

    def shown(self, out, log):
        [cell] = json.loads((out / "results/peers/latest/summary.json").read_text())["cells"]
        counts = cell["requests"]
        return Burst(counts["completed"], counts["failed"], counts["completed"] / cell["duration_s"])
