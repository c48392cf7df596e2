"""The command line: `python -m benchmarks [PART] [--quick] [--against REVISION] ...`."""

import argparse
import io
import os
import pkgutil
import platform
import subprocess
import sys
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import parts, reporting
from benchmarks.rows import CHECKOUT
from benchmarks.running import Run

ROUNDS, QUICK_ROUNDS, REPEATS = 9, 3, 3


def arguments() -> argparse.Namespace:
    """Read the command line."""
    modules = pkgutil.walk_packages(parts.__path__, f"{parts.__name__}.")
    names = [one.name.removeprefix(f"{parts.__name__}.") for one in modules]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=parts.__doc__)
    parser.add_argument("part", nargs="?", default="operators", choices=names)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    parser.add_argument("--against", metavar="REVISION", help="compare with it, in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw a picture of each row")
    return parser.parse_args()


def check_out(revision: str, folder: str) -> Path:
    """Write the package as it was at a revision into a folder."""
    git = ["git", "-C", CHECKOUT, "archive", revision, "pescador"]
    archive = subprocess.run(git, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        package.extractall(folder, filter="data")
    return Path(folder)


def main() -> None:
    """Run a part and report it; if against a revision, again what is slower, up to three times."""
    options = arguments()
    part, rounds = f"{parts.__name__}.{options.part}", QUICK_ROUNDS if options.quick else ROUNDS
    rows = list(enumerate(import_module(part).ROWS))
    if options.quick:
        rows = [(n, replace(row, sizes=row.quick_sizes or row.sizes)) for n, row in rows]
    print(
        f"{datetime.now(UTC).date()}, {os.cpu_count()} cores, {platform.platform()}, "
        f"Python {platform.python_version()}, numpy {version('numpy')}; medians of {rounds} rounds, "
        "spread = interquartile range / median"
    )
    with TemporaryDirectory() as folder:
        if options.against:
            old = check_out(options.against, folder)
            rows = [(n, pair) for n, row in rows for pair in row.against(old, options.against)]
        for repeat in range(REPEATS if options.against else 1):
            runs = []
            for done, (number, row) in enumerate(rows, 1):
                print(f"[{done}/{len(rows)}] {row.name()}", file=sys.stderr, flush=True)
                runs.append(Run(part, number, row, rounds))
            for tell in (reporting.figures, reporting.failures, reporting.goals):
                print(f"\n{tell(runs)}")
            if options.json and not repeat:
                reporting.write(runs, options.json)
            if options.charts and not repeat:
                reporting.draw(runs, options.charts)
            rows = [
                (run.number, run.row)
                for run in runs
                if any(goal.missed(goal.value(run.figures)) for goal in run.row.goals)
            ]
    if options.against:
        sys.exit("\n".join(f"slower: {row.name()}" for _, row in rows) or 0)


if __name__ == "__main__":
    main()
