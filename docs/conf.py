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

# Building the docs fetches nothing, not even other projects' inventories. So external names are not
# cross-references: numpydoc's sections show types as text, and annotations are for type checkers.
autodoc_typehints = "none"
numpydoc_show_class_members = False  # A page says which members it shows.

html_theme = "furo"
html_title = f"pescador {release}"
html_show_sphinx = False

# The scripts in plots/ make the pictures with the library itself.
plot_basedir = "plots"
plot_formats = ["svg"]
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"figure.figsize": (7.0, 3.6), "font.size": 9.0}
plot_apply_rcparams = True
