"""What a command and all its descendants cost: processor time, memory, wall time."""

import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_EVERY_S = 0.5


@dataclass
class Cost:
    exit_code: int
    cpu_s: float
    wall_s: float
    peak_mb: float  # proportional set size, summed over the tree; shared pages count once


def adopt_orphans():
    """Descendants whose parents die come to this process, so that their processor time is counted too."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(root):
    """The process ids below `root`, itself included."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    text = stat.read()
            except OSError:
                continue
            parent = int(text[text.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, open_ = [], [root]
    while open_:
        process = open_.pop()
        found.append(process)
        open_ += children.get(process, [])
    return found


def memory_mb(processes):
    kib = 0
    for process in processes:
        try:
            with open(f"/proc/{process}/smaps_rollup") as rollup:
                kib += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return kib * 1024 / 1e6


def children_cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command, core, log, environment, timeout_s, spared):
    """Runs `command` on one core; `spared` are child processes of ours that it has nothing to do with."""
    cpu_before, started = children_cpu_s(), time.monotonic()
    with open(log, "wb") as output:
        client = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    peak_mb, over = 0.0, threading.Event()

    def watch():
        nonlocal peak_mb
        while not over.wait(SAMPLE_EVERY_S):
            peak_mb = max(peak_mb, memory_mb(descendants(client.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        exit_code = client.wait(timeout_s)
    except subprocess.TimeoutExpired:
        exit_code = -signal.SIGKILL
    finally:
        wall_s = time.monotonic() - started
        over.set()
        watcher.join()
        end_all(client, spared)
    return Cost(exit_code, children_cpu_s() - cpu_before, wall_s, peak_mb)


def end_all(client, spared):
    """Leaves nothing of the client behind: its own processes and the orphans that came to us."""
    grace_ends = time.monotonic() + 5
    while left := left_of(client, spared):
        kind = signal.SIGTERM if time.monotonic() < grace_ends else signal.SIGKILL
        for process in left:
            try:
                os.kill(process, kind)
            except ProcessLookupError:
                pass
        time.sleep(0.1)
        client.poll()
        for process in left - {client.pid}:
            try:
                os.waitpid(process, os.WNOHANG)
            except ChildProcessError:
                pass


def left_of(client, spared):
    ours = {os.getpid()}.union(*(descendants(process) for process in spared))
    ended = {client.pid} if client.returncode is not None else set()
    return set(descendants(os.getpid())) - ours - ended
