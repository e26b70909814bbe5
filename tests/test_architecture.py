"""Imports point one way: wsgi → app → {web, cli} → current → work → {log, setup} → {models, db, hoiio}."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Lower may be imported by higher, never the other way; the same number stands side by side.
LAYERS = {
    "wsgi": 8,
    "receiver.app": 7,
    "receiver.web": 6,
    "receiver.cli": 6,
    "receiver.current": 5,
    "receiver.doctor": 5,
    "receiver.rotation": 4,
    "receiver.work": 4,
    "receiver.setup": 3,
    "receiver.log": 3,
    "receiver.access": 3,
    "receiver.proof": 3,
    "receiver.offers": 2,
    "receiver.findings": 2,
    "receiver.keys": 3,
    "receiver.processes": 2,
    "receiver.numbers": 2,
    "receiver.models": 1,
    "receiver.db": 1,
    "receiver.reach": 1,
    "receiver.hoiio": 1,
    "config": 0,
}
WITHOUT_FLASK = {
    "receiver.work",
    "receiver.log",
    "receiver.setup",
    "receiver.models",
    "receiver.db",
    "receiver.reach",
}
APART = ("receiver.simulator", "receiver.quickstart")


def modules() -> list[tuple[str, Path]]:
    paths = [*ROOT.glob("receiver/**/*.py"), ROOT / "config.py", ROOT / "wsgi.py"]
    return [(".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), p) for p in paths]


def layer(module: str) -> str | None:
    return max((name for name in LAYERS if f"{module}.".startswith(f"{name}.")), key=len, default=None)


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_it_imports_downwards(module: str, path: Path):
    own = layer(module)
    for name in imports(path):
        if module.startswith("receiver.simulator"):
            assert not name.startswith("config")
            assert not name.startswith("receiver.") or name.startswith("receiver.simulator")
        elif module.startswith("receiver.quickstart"):
            assert not name.startswith("receiver.")
        elif (target := layer(name)) and own and target != own:
            assert LAYERS[target] < LAYERS[own], f"{module} imports {name}"
        else:
            assert not name.startswith(APART), f"{module} imports {name}"


def test_every_module_has_its_place():
    homeless = [name for name, _ in modules() if layer(name) is None and not name.startswith(APART)]
    assert homeless == ["receiver"]


@pytest.mark.parametrize(("module", "path"), modules(), ids=lambda value: str(value).removeprefix(f"{ROOT}/"))
def test_it_knows_flask_only_at_the_entry_points(module: str, path: Path):
    if (layer(module) or "config") in WITHOUT_FLASK:
        assert not any(name.split(".")[0] in {"flask", "click"} for name in imports(path))


def test_importing_a_leaf_does_not_load_the_application():
    assert imports(ROOT / "receiver/__init__.py") == set()
