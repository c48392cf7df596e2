"""The command line: `python -m benchmarks [PART] [--quick] [--json FILE] [--charts FOLDER]`."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from pathlib import Path

from benchmarks import charts, environments, parts, reporting
from benchmarks.processes import Processes
from benchmarks.running import Run

ROUNDS, QUICK_ROUNDS = 9, 3


def arguments() -> argparse.Namespace:
    """Read the command line."""
    prefix = f"{parts.__name__}."
    names = [
        module.name.removeprefix(prefix) for module in pkgutil.walk_packages(parts.__path__, prefix)
    ]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=parts.__doc__)
    parser.add_argument("part", nargs="?", default="operators", choices=names)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw a picture of each row")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        default=environments.default_cache(),
        help="where environments and data are kept (default: %(default)s)",
    )
    return parser.parse_args()


def main() -> None:
    """Run a part and report it."""
    options = arguments()
    part = f"{parts.__name__}.{options.part}"
    rows = importlib.import_module(part).ROWS
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    facts = reporting.machine()
    runs = []
    with Processes(options.cache) as processes:
        for number, row in enumerate(rows):
            print(f"[{number + 1}/{len(rows)}] {row.whole_name}", file=sys.stderr, flush=True)
            run = Run(part, number, row.quick if options.quick else row, processes)
            run.compare()
            run.measure(rounds)
            runs.append(run)
    print(reporting.heading(facts, rounds))
    for table in (reporting.every_figure, reporting.every_failure, reporting.every_goal):
        if text := table(runs):
            print(f"\n{text}")
    if options.json:
        options.json.write_text(json.dumps(reporting.as_json(runs, facts), indent=1) + "\n")
    if options.charts:
        charts.draw(runs, options.charts)


if __name__ == "__main__":
    main()
