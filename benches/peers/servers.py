"""Servers that clients are held against, one process each, fresh for every run."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from statistics import fmean

from clients import p99

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 0,
    "model": "simulator",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 16, "completion_tokens": 1, "total_tokens": 17},
}
MODELS = {"object": "list", "data": [{"id": "simulator", "object": "model"}]}

NGINX = """\
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {dir}/a; proxy_temp_path {dir}/b; fastcgi_temp_path {dir}/c; uwsgi_temp_path {dir}/d; scgi_temp_path {dir}/e;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /v1/chat/completions {{ return 200 '{answer}'; }}
    location = /v1/models {{ return 200 '{models}'; }}
  }}
}}
"""


class Server:
    """A server that answers at `url`."""

    def __init__(self, process, port):
        self.pid = process.pid
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/v1"

    def true_ttft_ms(self, tokens):
        """Mean and 99th percentile, by the simulator's own stamps, of the answers of so many tokens."""
        link = http.client.HTTPConnection(self.host, timeout=60)
        link.request("GET", "/simulator/stamps")
        answers = [
            answer
            for answer in json.load(link.getresponse())["requests"]
            if answer["completed"] and answer["token_events"] == tokens
        ]
        ttft_ms = [(answer["send_ns"][answer["first_token_event"]] - answer["received_ns"]) / 1e6 for answer in answers]
        return fmean(ttft_ms), p99(ttft_ms)


@contextmanager
def simulator(program, core, log, ttft, itl):
    port = free_port()
    command = [program, "simulate", "--port", str(port), "--ttft", ttft, "--itl", itl]
    command += ["--prefill-per-token", "0s", "--batch-slowdown", "0", "--slots", "100000"]
    with serving(command, core, log, port) as server:
        yield server


@contextmanager
def nginx(program, core, log, directory):
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        NGINX.format(dir=directory, port=port, answer=json.dumps(ANSWER), models=json.dumps(MODELS))
    )
    with serving([program, "-p", directory, "-c", configuration], core, log, port) as server:
        yield server


@contextmanager
def serving(command, core, log, port):
    with open(log, "wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command], stdout=output, stderr=output, start_new_session=True
        )
    try:
        await_port(process, port, log)
        yield Server(process, port)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(process, port, log):
    ends = time.monotonic() + 10
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"the server did not start, see {log}")
