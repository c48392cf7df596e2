"""Draw the layout of the package into CONTRIBUTING.md: its layers, and a line for each room."""

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
PLACE = re.compile(r"(?<=<!-- drawn by docs/layout\.py -->\n\n```text\n).*?(?=```\n)", re.DOTALL)


def drawing() -> str:
    """Return the layers of setup.cfg from the highest to the lowest, and the rooms of each."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / "setup.cfg")
    layers = contracts["importlinter:contract:layers"]["layers"].split("\n")
    boxes = []
    for layer in filter(None, layers):
        names = re.findall(r"\w+", layer)
        boxes.append([line for name in names for line in rooms(ROOT / "pescador", name)])
    width = max(len(line) for box in boxes for line in box)
    rule = f"+-{'-' * width}-+\n"
    drawn = ("".join(f"| {line:{width}} |\n" for line in box) for box in boxes)
    return rule + "".join(box + rule for box in drawn)


def rooms(folder: Path, name: str, depth: int = 0) -> Iterator[str]:
    """Yield a line for a module, or for a package and each module in it."""
    path = folder / name
    module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    sentence = ast.get_docstring(ast.parse(module.read_text())) or ""
    yield f"{'  ' * depth + name:16}{sentence.replace('``', '`')}"
    if path.is_dir():
        inner = {inside.stem for inside in path.iterdir() if inside.stem.isidentifier()}
        for inside in sorted(inner - {"__init__", "__pycache__"}):
            yield from rooms(path, inside, depth + 1)


if __name__ == "__main__":
    PAGE.write_text(PLACE.sub(lambda _: drawing(), PAGE.read_text()))
