"""Times the rows of rows.py under facula and, where it is installed, under PyTorch.

    python bench/run.py [--only REGEX] [--threads N] [--rounds N] [--json FILE] [--targets a,b]

One process a target; for every row the targets take turns, so that what else the machine does meets
all of them. A round's time is that of the best of several batches; the row's is the median of its
rounds. README.md beside this file tells how to read the table.
"""

import argparse
import importlib
import importlib.util
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 0.02  # seconds that one batch of calls aims at


def measure(call):
    """The best time of a call over a few batches, in seconds."""
    call()
    count, spent = 1, 0.0
    while spent < BATCH / 4 and count < 1 << 20:
        count *= 2
        began = time.perf_counter()
        for _ in range(count):
            call()
        spent = time.perf_counter() - began
    count = max(1, int(count * BATCH / max(spent, 1e-9)))
    best = math.inf
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - began) / count)
    return best


def empty():
    pass


def serve(target, threads):
    """The worker: takes names of rows by lines, answers with JSON by lines."""
    from rows import ROWS

    module = importlib.import_module(target)
    module.set_num_threads(threads)
    overhead = measure(empty)
    made = {}
    for line in sys.stdin:
        name = line.strip()
        try:
            if name not in made:
                made.clear()
                made[name] = ROWS[name](module)
            answer = {"time": max(measure(made[name]) - overhead, 1e-9)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), flush=True)


class Worker:
    """One target's process."""

    def __init__(self, target, threads):
        path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
        env = dict(os.environ, PYTHONPATH=path, OMP_NUM_THREADS=str(threads))
        command = [sys.executable, __file__, "--serve", target, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, name):
        try:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            sys.exit(f"the worker died in row {name!r}, status {self.process.wait()}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def text(answer):
    if "error" in answer:
        return "-"
    seconds = answer["time"]
    for unit, scale in (("s", 1), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def compare(names, targets, args):
    """Times every row under every target, printing as it goes."""
    workers = {target: Worker(target, args.threads) for target in targets}
    results, ratios = {}, {}
    for name in names:
        rounds = {target: [] for target in targets}
        for number in range(args.rounds):
            order = targets if number % 2 == 0 else targets[::-1]
            for target in order:
                rounds[target].append(workers[target].ask(name))
        results[name] = {}
        for target, answers in rounds.items():
            times = [a["time"] for a in answers if "time" in a]
            results[name][target] = {"time": statistics.median(times)} if times else answers[0]
        line = f"{name:48}" + "".join(f"{text(results[name][t]):>12}" for t in targets)
        both = [results[name][t].get("time") for t in targets]
        if len(both) == 2 and all(both):
            ratio = both[1] / both[0]
            ratios.setdefault(name.split("/")[0], []).append(ratio)
            line += f"{ratio:10.2f}"
        for target in targets:
            if "error" in results[name][target]:
                line += f"  {target}: {results[name][target]['error']}"
        print(line, flush=True)
    for worker in workers.values():
        worker.close()
    return results, ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", default="", help="regular expression over row names")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--targets", help="modules, by default facula and torch if installed")
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve, args.threads)
        return
    sys.path.insert(0, str(HERE))
    from rows import ROWS

    targets = args.targets.split(",") if args.targets else ["facula"]
    if not args.targets and importlib.util.find_spec("torch") is not None:
        targets.append("torch")
    names = [name for name in ROWS if re.search(args.only, name)]
    print(f"{platform.machine()}, {args.threads} thread(s), median of {args.rounds} rounds")
    print(f"{'row':48}" + "".join(f"{t:>12}" for t in targets) + f"{'ratio':>10}")
    results, ratios = compare(names, targets, args)
    for group, values in ratios.items():
        print(
            f"{group}: geometric mean {geometric_mean(values):.2f} over {len(values)} rows, "
            f"least {min(values):.2f}"
        )
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
