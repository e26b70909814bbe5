"""The rooms of the house: each has its place, imports point down, and only the entry points know Flask."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent

# From the top floor down. A room imports itself and what stands below it.
FLOORS = (
    "wsgi",
    "receiver.app",
    "receiver.cli receiver.web",
    "receiver.current",
    "receiver.doctor",
    "receiver.background",
    "receiver.setup",
    "receiver.retention receiver.export",
    "receiver.search",
    "receiver.intake",
    "receiver.keys receiver.access",
    "receiver.numbers receiver.outbound",
    "receiver.providers",
    "receiver.db",
    "receiver.models",
    "receiver.logs",
    "receiver.vocabulary",
    "config",
)
HEIGHT = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}
# Parties of their own: they talk to the rest by HTTP and commands, as anybody does.
APART = {"receiver.simulator": frozenset(), "receiver.quickstart": frozenset({"config"})}
WITH_FLASK = {"wsgi", "receiver.app", "receiver.current", "receiver.web", "receiver.cli"}


def modules() -> dict[str, Path]:
    paths = [*ROOT.glob("receiver/**/*.py"), ROOT / "config.py", ROOT / "wsgi.py"]
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in paths
    }


def room_of(module: str) -> str:
    """`receiver.search.select` stands in `receiver.search`."""
    parts = module.split(".")
    return ".".join(parts[:2] if parts[0] == "receiver" else parts[:1])


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in {"receiver", "config", "wsgi"} and name != "receiver"


def test_every_module_has_its_place():
    homeless = {room_of(module) for module in modules()} - HEIGHT.keys() - APART.keys() - {"receiver"}
    assert not homeless
    assert {room for room in (*HEIGHT, *APART) if room not in {room_of(name) for name in modules()}} == set()


def test_imports_point_down():
    wrong = [
        f"{module} imports {name}"
        for module, path in modules().items()
        if (own := room_of(module)) in HEIGHT
        for name in sorted(filter(ours, imports(path)))
        if (target := room_of(name)) != own and not HEIGHT.get(target, 99) < HEIGHT[own]
    ]
    assert not wrong, "\n".join(wrong)


def test_parties_of_their_own_import_nothing_of_ours():
    wrong = [
        f"{module} imports {name}"
        for module, path in modules().items()
        if (own := room_of(module)) in APART
        for name in filter(ours, imports(path))
        if room_of(name) != own and room_of(name) not in APART[own]
    ]
    assert not wrong, "\n".join(wrong)


def test_only_entry_points_know_flask():
    knowing = {
        room_of(module)
        for module, path in modules().items()
        if room_of(module) not in APART
        and any(name.split(".")[0] in {"flask", "click"} for name in imports(path))
    }
    assert knowing <= WITH_FLASK


def test_importing_a_leaf_does_not_load_the_application():
    assert imports(ROOT / "receiver/__init__.py") == set()


def test_no_module_is_loose():
    loose = {path.stem for path in ROOT.glob("receiver/*.py")}
    assert loose == {"__init__", "app", "current"}
