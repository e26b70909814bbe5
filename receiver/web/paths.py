"""Parts of paths that Werkzeug has no word for."""

from __future__ import annotations

from werkzeug.routing import BaseConverter


class Rest(BaseConverter):
    """All that is left of a path, be it empty or begin with a slash."""

    regex = r"[\s\S]*"
    part_isolating = False
