"""What the documents say of each other and of the files beside them."""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_tells_first_what_everybody_needs() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]
    assert headings[:5] == ["## Run it", "## Test it", "## Ask it", "## After the answer", "## Deploy"]
    assert lines.index("## Deploy") < 130


def test_the_changelog_names_the_newest_migration() -> None:
    newest = max(path.name[:4] for path in (ROOT / "migrations/versions").glob("0*.py"))
    assert newest in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_each_screenshot_is_made_by_the_command_that_draws_them() -> None:
    script = (ROOT / "tests/screenshots.py").read_text(encoding="utf-8")
    drawn = set(re.findall(r'^ {16}\("([a-z-]+)", ', script, re.MULTILINE))
    assert {path.stem for path in (ROOT / "docs/screenshots").iterdir()} == drawn
    assert "tests/screenshots.py" in (ROOT / "Makefile").read_text(encoding="utf-8")


def table(heading: str) -> set[str]:
    """What the first column of the table under a heading of doctor.md names."""
    page = (ROOT / "docs/doctor.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


MADE_BY = {"error": 0, "warning": 0, "graded": 1, "Caution": 0}
"""What makes a finding, and where it takes the code."""


def codes() -> Iterator[str]:
    """The code of each finding that there can be, with stars for what differs."""
    for path in (ROOT / "receiver").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if not re.search(
            r"^from receiver\.(numbers\.findings|providers\.caution) import", source, re.MULTILINE
        ):
            continue
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        nodes = list(ast.walk(ast.parse(source)))
        for node in nodes:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE_BY:
                code = node.args[MADE_BY[node.func.id]]
                if ast.unparse(code) != "each.code":  # that of a caution, which is made elsewhere
                    yield from values(code, nodes, vars(module))


def values(code: ast.expr, nodes: list[ast.AST], names: dict[str, object]) -> Iterator[str]:
    """What an expression may be, in a module with these nodes and names."""
    match code:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from values(one, nodes, names)
            yield from values(other, nodes, names)
        case ast.Name(id=name) if name in names:
            yield str(names[name])
        case ast.Name(id=name):
            for node in nodes:
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                    yield from values(node.value, nodes, names)
        case _:
            pytest.fail(f"nobody can tell from the source which code this is: {ast.unparse(code)}")


def test_the_code_of_each_finding_is_explained() -> None:
    assert {re.sub("[A-Z]+", "*", code) for code in table("The codes of findings")} == set(codes())
