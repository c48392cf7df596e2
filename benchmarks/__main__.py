"""The command line: `python -m benchmarks [PART] [--quick] [--against REVISION] ...`."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import parts
from benchmarks.reporting import draw, failures, figures, goals, write
from benchmarks.rows import CHECKOUT
from benchmarks.running import Run

ROUNDS, QUICK_ROUNDS, REPEATS = 9, 3, 3


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=parts.__doc__)
    parser.add_argument("part", nargs="?", default="operators", help="module of benchmarks/parts")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds, not {ROUNDS}")
    parser.add_argument("--against", metavar="REVISION", help="compare with it, in turn")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draw a picture of each row")
    return parser.parse_args()


def main() -> None:
    """Run a part and report it; if against a revision, again what is slower, up to three times."""
    options = arguments()
    part, rounds = f"{parts.__name__}.{options.part}", QUICK_ROUNDS if options.quick else ROUNDS
    rows = list(enumerate(import_module(part).ROWS))
    if options.quick:
        rows = [(n, replace(row, sizes=row.quick_sizes or row.sizes)) for n, row in rows]
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.platform()},", end=" ")
    print(f"Python {platform.python_version()}, numpy {version('numpy')}; {rounds} rounds")
    with TemporaryDirectory() as folder:
        if options.against:
            package = Path(folder, "pescador.tar")
            git = ["git", "-C", CHECKOUT, "archive", "-o", package, options.against, "pescador"]
            subprocess.run(git, check=True)
            shutil.unpack_archive(package, folder, filter="data")
            rows = [(n, pair) for n, row in rows for pair in row.against(folder, options.against)]
        for _ in range(REPEATS if options.against else 1):
            runs = []
            for done, (number, row) in enumerate(rows, 1):
                print(f"[{done}/{len(rows)}] {row.name()}", file=sys.stderr, flush=True)
                runs.append(Run(part, number, row, rounds))
            print("", figures(runs), failures(runs), goals(runs), sep="\n\n")
            if options.json:
                write(runs, options.json)
            if options.charts:
                draw(runs, options.charts)
            options.json = options.charts = None  # Only the first run is kept.
            rows = [(run.number, run.row) for run in runs if run.missed]
    if options.against:
        sys.exit("\n".join(f"slower: {row.name()}" for _, row in rows) or 0)


main()
