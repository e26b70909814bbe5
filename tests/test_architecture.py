"""The rooms of the house: each has its place, imports point down, and only the entry points know Flask."""

import ast
import re
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

from receiver.providers.registry import PROVIDERS

ROOT = Path(__file__).parent.parent

# From the top floor down. A room imports itself and what stands below it.
FLOORS = (
    "wsgi",
    "receiver.cli",
    "receiver.app",
    "receiver.web",
    "receiver.current",
    "receiver.doctor",
    "receiver.background",
    "receiver.setup",
    "receiver.retention receiver.export receiver.relay",
    "receiver.search",
    "receiver.intake receiver.archive",
    "receiver.keys receiver.answering receiver.contacts receiver.duty",
    "receiver.access receiver.numbers",
    "receiver.providers",
    "receiver.db receiver.outbound",
    "receiver.models",
    "receiver.logs receiver.handlers",
    "receiver.vocabulary",
    "config",
    "receiver.settings",
)
HEIGHT = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}
# Parties of their own: they talk to the rest by HTTP and commands, as anybody does.
APART = {"receiver.simulator": frozenset(), "receiver.quickstart": frozenset({"config", "receiver.settings"})}
WITH_FLASK = {"wsgi", "receiver.app", "receiver.current", "receiver.web", "receiver.cli"}


@cache
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


@cache
def imports(path: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    return frozenset(found)


def ours(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in {"receiver", "config", "wsgi"} and name not in {
        "receiver",
        "receiver.__version__",
    }


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


def test_no_modules_import_each_other_in_a_circle():
    names = modules()
    below = {module: {*imports(path)} & names.keys() for module, path in names.items()}
    for found in below.values():  # `from package import module` is of the module
        found -= {package for package in found if any(name.startswith(f"{package}.") for name in found)}
    TopologicalSorter(below).prepare()  # raises where there is one


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


def test_only_its_own_room_names_a_provider():
    own = ("receiver/providers/", "receiver/simulator/", "receiver/quickstart/")
    files = [
        path for path in (ROOT / "receiver").rglob("*") if path.suffix in {".py", ".html", ".js", ".css"}
    ]
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(name in path.read_text().lower() for name in PROVIDERS)
    }
    assert {path for path in naming if not path.startswith(own)} == set()


def test_the_page_on_architecture_has_every_room():
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (\d+|apart) \| `([\w/.]+)` \|", page, re.MULTILINE)
    floors = {name.removesuffix(".py").rstrip("/").replace("/", "."): floor for floor, name in rows}
    assert floors.keys() == HEIGHT.keys() | APART.keys()
    drawn = [room for room, floor in floors.items() if floor != "apart"]
    assert drawn == sorted(drawn, key=lambda room: int(floors[room]))
    order = {room: floor for floor, rooms in enumerate(FLOORS, 1) for room in rooms.split()}
    assert {room: int(floor) for room, floor in floors.items() if floor != "apart"} == order


def test_every_path_that_a_document_names_is_there():
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {
        (document.name, path)
        for document in documents
        for path in re.findall(r"`((?:receiver|tests|bench|migrations|docs)/[\w/.]+)`", document.read_text())
    }
    assert {(document, path) for document, path in named if not (ROOT / path).exists()} == set()
