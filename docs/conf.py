"""Sphinx's configuration."""

import sys
from pathlib import Path

import pescador

sys.path.append(str(Path(__file__).parent))  # for output.py

project = "pescador"
author = "the pescador developers"
project_copyright = author
version = release = pescador.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "output",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
nitpicky = True

# Nothing is fetched when the docs are built, not even other projects' inventories. So no external
# name is a cross-reference: types stand in numpydoc's sections, as text; annotations are for
# checkers.
autodoc_typehints = "none"
numpydoc_show_class_members = False  # A page says which members it shows.

html_theme = "furo"
html_title = f"pescador {release}"
html_show_sphinx = False

# Pictures are made by the scripts in plots/, from the library itself.
plot_basedir = "plots"
plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"figure.figsize": (7.0, 3.6), "font.size": 9.0}
plot_apply_rcparams = True
