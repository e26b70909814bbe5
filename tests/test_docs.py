"""What the documents say of each other and of the files beside them."""

import re
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
