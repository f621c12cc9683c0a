"""Reads `perf script` of benches/engine.rs from standard input and tells what the client's samples were spent on.

Readers take turns on the main thread, so what shows no reader in its stack (the runtime between two polls, or a stack
that was cut off) is counted for the one whose samples stand next to it.
"""

import re
import sys
from collections import Counter

KERNEL = 1 << 63
SAMPLE_US = 200
READERS = {"by_client": "client", "by_raw_socket": "raw socket"}


def samples(lines):
    """The main thread's stacks, innermost first, as (is kernel, name), in order of time."""
    found, head, stack = [], None, []
    for line in [*lines, ""]:
        if not line.strip():
            if head and stack and head.group(1) == head.group(2):
                found.append((float(head.group(3)), stack))
            head, stack = None, []
        elif head is None:
            head = re.search(r"(\d+)/(\d+)\s+([\d.]+):", line)
        else:
            address, _, name = line.strip().partition(" ")
            name = re.sub(r"::h[0-9a-f]{16}$", "", name) or "?"
            stack.append((int(address, 16) >= KERNEL, name))
    return [stack for _, stack in sorted(found, key=lambda sample: sample[0])]


def reader_of(stack):
    return next((reader for mark, reader in READERS.items() if any(mark in name for _, name in stack)), None)


def by_reader(stacks):
    found, reader = {name: [] for name in READERS.values()}, None
    for stack in reversed(stacks):
        reader = reader_of(stack) or reader
        if reader:
            found[reader].append(stack)
    return found


def table(title, counts, total, rows):
    print(f"\n{title}")
    for name, count in counts.most_common(rows):
        print(f"  {100 * count / total:5.1f} %  {name[:130]}")


def main():
    readers = by_reader(samples(sys.stdin.read().splitlines()))
    for reader, stacks in readers.items():
        kernel = sum(stack[0][0] for stack in stacks)
        print(f"{reader}: {len(stacks) * SAMPLE_US / 1e6:.2f} s, {100 * kernel / max(1, len(stacks)):.0f} % of it in the kernel")
    client = readers["client"]
    table("the client, self", Counter(stack[0][1] for stack in client), len(client), 40)
    user = Counter(stack[0][1] for stack in client if not stack[0][0])
    table("the client, self, outside the kernel", user, len(client), 40)
    inclusive = Counter(name for stack in client for name in {name for _, name in stack})
    own = Counter({name: count for name, count in inclusive.items() if "infersweep" in name})
    table("the client, with all it calls", own, len(client), 40)
    folded = Counter(";".join(name for _, name in reversed(stack)) for stack in client)
    with open(sys.argv[1], "w") as out:
        out.writelines(f"{stack} {count}\n" for stack, count in folded.items())


if __name__ == "__main__":
    main()
