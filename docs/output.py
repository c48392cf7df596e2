"""A directive that runs Python when the docs are built, and shows it with what it prints."""

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

EXAMPLES = Path(__file__).parent.parent / "examples"


class Output(SphinxDirective):
    """The content is run after that of the directives before it on the page.

    With ``:hide-code:`` only what it prints is shown.
    """

    has_content = True
    option_spec = {"hide-code": directives.flag}  # noqa: RUF012  It is docutils' way.

    def run(self) -> list[nodes.Node]:
        """Run the content, and show it."""
        names: dict[str, Any] = self.env.temp_data.setdefault("output names", {})
        printed = io.StringIO()
        code = "\n".join(self.content)
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"<{self.env.docname}>", "exec"), names)  # noqa: S102  Our own.
        result = nodes.literal_block(printed.getvalue(), printed.getvalue(), language="none")
        if "hide-code" in self.options:
            return [result]
        return [nodes.literal_block(code, code, language="python"), result]


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known, and the examples importable."""
    sys.path.append(str(EXAMPLES))
    app.add_directive("output", Output)
    return {"parallel_read_safe": True}
