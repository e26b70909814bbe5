"""What each process or application would compile anew, once: modules, templates, and what builds URLs.

Most tests have an application of their own, and spent half their time on this.
"""

import os
import sys
from collections.abc import Callable

from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

# Whoever wants no __pycache__ would wait minutes for each process that tests start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


class Templates(BytecodeCache):
    """The code of templates."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._code:
            bucket.bytecode_from_string(self._code[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = Templates()

_compile_builder = Rule._compile_builder
_builders: dict[tuple, Callable] = {}


def _builder(rule: Rule, append_unknown: bool = True) -> Callable:
    """The same function for equal rules: it knows the rule by its argument only."""
    if rule.defaults:
        return _compile_builder(rule, append_unknown)
    key = (rule.rule, tuple(rule._trace), append_unknown)
    if key not in _builders:
        _builders[key] = _compile_builder(rule, append_unknown)
    return _builders[key]


def build_urls_once() -> None:
    """Have rules use it from now on."""
    Rule._compile_builder = _builder
