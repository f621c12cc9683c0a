"""How each client is called with one and the same work, and what it says about it."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, quantiles


@dataclass(frozen=True)
class Work:
    """Streamed answers at a fixed concurrency."""

    url: str  # the base, with /v1
    streams: int
    requests: int
    tokens: int
    prompt_tokens: int
    tokenizer: Path  # a directory with tokenizer.json and tokenizer_config.json
    out: Path  # where this run may write

    @property
    def host(self):
        return self.url.removeprefix("http://").removesuffix("/v1")


@dataclass(frozen=True)
class Shown:
    """What a client reports of a run."""

    completed: int
    ttft_mean_ms: float
    ttft_p99_ms: float


class RawReader:
    """The raw reader of this directory."""

    def __init__(self, program, kind):
        self.program, self.kind = program, kind
        self.name = f"raw reader, {kind}"
        self.environment = {}

    def version(self):
        return ""

    def command(self, work):
        prompt = "the quick brown fox jumps over a lazy dog again " * 20
        words = prompt.split()[: work.prompt_tokens]
        body = {
            "model": "simulator",
            "messages": [{"role": "user", "content": " ".join(words)}],
            "max_tokens": work.tokens,
            "stream": True,
        }
        body_file = work.out / "body.json"
        body_file.write_text(json.dumps(body))
        return [self.program, self.kind, work.host, str(work.streams), str(work.requests), body_file]

    def shown(self, work, log):
        said = json.loads(log.read_text().splitlines()[-1])
        return Shown(said["completed"], fmean(said["ttft_ms"]), p99(said["ttft_ms"]))


SCENARIO = """\
name = "peers"

[endpoints.server]
api = "openai_chat"
base_url = "{url}"
stream = {stream}

[models.m]
id = "simulator"
tokenizer = "{tokenizer}"

[matrix]
model = "m"
input_tokens = {prompt_tokens}
output_tokens = {tokens}
concurrency = {streams}

[load]
requests = {requests}
"""


class Infersweep:
    """This checkout."""

    name = "infersweep"
    environment = {}

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, work):
        scenario = work.out / "peers.toml"
        scenario.write_text(
            SCENARIO.format(
                url=work.url,
                stream="true",
                tokenizer=work.tokenizer / "tokenizer.json",
                prompt_tokens=work.prompt_tokens,
                tokens=work.tokens,
                streams=work.streams,
                requests=work.requests,
            )
        )
        return [self.program, "run", scenario, "--out", work.out / "results", "--yes", "--quiet"]

    def shown(self, work, log):
        [cell] = json.loads((work.out / "results/peers/latest/summary.json").read_text())["cells"]
        ttft = cell["metrics"]["ttft_ms"]
        return Shown(cell["requests"]["completed"], ttft["mean"], ttft["p99"])


class Aiperf:
    """NVIDIA AIPerf."""

    name = "AIPerf"
    environment = {}

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, work):
        return [
            self.program, "profile", "--model", "simulator", "--url", f"http://{work.host}",
            "--endpoint-type", "chat", "--streaming", "--tokenizer", work.tokenizer,
            "--isl", str(work.prompt_tokens), "--isl-stddev", "0",
            "--osl", str(work.tokens), "--osl-stddev", "0", "--extra-inputs", "ignore_eos:true",
            "--request-count", str(work.requests), "--concurrency", str(work.streams),
            "--artifact-dir", work.out / "aiperf", "--ui", "none",
        ]  # fmt: skip

    def shown(self, work, log):
        summary = json.loads((work.out / "aiperf/profile_export_aiperf.json").read_text())
        ttft = summary["time_to_first_token"]
        return Shown(round(summary["request_count"]["avg"]), ttft["avg"], ttft["p99"])


class Guidellm:
    """GuideLLM."""

    name = "GuideLLM"
    environment = {"HF_HUB_OFFLINE": "1"}

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, work):
        return [
            self.program, "run",
            "--backend", f"kind=openai_http,target=http://{work.host},model=simulator,request_format=/v1/chat/completions",
            "--profile", f"kind=concurrent,streams={work.streams}",
            "--constraint", f"kind=max_requests,count={work.requests}",
            "--tokenizer", f"kind=huggingface_auto,model={work.tokenizer}",
            "--data", f"kind=synthetic_text,prompt_tokens={work.prompt_tokens},output_tokens={work.tokens}",
            "--output", f"kind=json,path={work.out / 'guidellm.json'}",
            "--disable-console-interactive",
        ]  # fmt: skip

    def shown(self, work, log):
        [benchmark] = json.loads((work.out / "guidellm.json").read_text())["benchmarks"]
        ttft = benchmark["metrics"]["time_to_first_token_ms"]["successful"]
        completed = benchmark["metrics"]["request_totals"]["successful"]
        return Shown(completed, ttft["mean"], ttft["percentiles"]["p99"])


class Llmnop:
    """llmnop."""

    name = "llmnop"
    environment = {}

    def __init__(self, program):
        self.program = program

    def version(self):
        return said([self.program, "--version"]).split()[-1]

    def command(self, work):
        return [
            self.program, "--url", work.url, "--model", "simulator",
            "--tokenizer", work.tokenizer / "tokenizer.json",
            "--input-tokens", str(work.prompt_tokens), "--output-cap", str(work.tokens),
            "--extra-inputs", '{"ignore_eos":true}', "-n", str(work.requests), "-c", str(work.streams),
            "--request-usage", "--results-dir", work.out / "llmnop", "--format", "table",
        ]  # fmt: skip

    def shown(self, work, log):
        [run] = (work.out / "llmnop").glob("**/requests.jsonl")
        rows = [json.loads(line) for line in run.read_text().splitlines()]
        ttft_ms = [row["metrics"]["ttft_ms"] for row in rows if row["metrics"].get("ttft_ms") is not None]
        return Shown(len(ttft_ms), fmean(ttft_ms), p99(ttft_ms))


def p99(values):
    """With linear interpolation, as infersweep does."""
    return quantiles(values, n=100, method="inclusive")[-1]


def said(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
