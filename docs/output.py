"""A directive that runs Python when the docs are built, and shows the code and its output."""

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
    """Run the content, after that of the earlier directives of the page, and show its output.

    ``:hide-code:`` hides the content itself.
    """

    has_content = True
    option_spec = {"hide-code": directives.flag}  # noqa: RUF012  It is docutils' way.

    def run(self) -> list[nodes.Node]:
        """Run the content, and return nodes for it and for its output."""
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
    """Register the directive, and make the examples importable."""
    sys.path.append(str(EXAMPLES))
    app.add_directive("output", Output)
    return {"parallel_read_safe": True}
