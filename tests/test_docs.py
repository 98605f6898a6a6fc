"""What the pages say is there is there: links, settings, hooks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import yaml

from scripts import layouts_page, s3_users, settings_page
from smartwatts_ml.environment import known_variables

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [
    page
    for pattern in ("*.md", "docs/**/*.md", "gateway/*.md", "benchmarks/**/*.md")
    for page in sorted(REPOSITORY.glob(pattern))
]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
VARIABLE = re.compile(r"SMARTWATTS_[A-Z0-9_]*[A-Z0-9]\b(?!_)")


def named(page: Path) -> str:
    return page.relative_to(REPOSITORY).as_posix()


def prose(page: Path) -> str:
    """The page without its blocks of code, where brackets mean other things."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(page: Path) -> frozenset[str]:
    """The fragments that a page's headings can be linked by, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", title).lower() for title in titles)
    return frozenset(re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in plain)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in (one or other for one, other in LINK.findall(prose(page))):
        if link.startswith("http"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{named(page)}: {link}"
        assert not fragment or fragment in anchors(target), f"{named(page)}: {link}"


def test_every_page_of_docs_is_linked_from_its_index() -> None:
    for index in (REPOSITORY / "docs" / "README.md", REPOSITORY / "docs" / "adr" / "README.md"):
        links = {(index.parent / link).resolve() for link, _ in LINK.findall(index.read_text())}
        assert set(index.parent.glob("*.md")) - links == {index}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    assert set(VARIABLE.findall(page.read_text())) <= known_variables()


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `make docs`"


def test_the_page_of_layouts_is_what_the_layouts_say() -> None:
    assert layouts_page.PAGE.read_text() == layouts_page.page(), "run `make docs`"


def test_the_users_of_the_compose_stack_have_the_policies_of_the_page() -> None:
    assert s3_users.FILE.read_text() == s3_users.users(), "run `make docs`"


def test_readme_is_read_in_five_minutes() -> None:
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 150


def test_make_commands_that_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(), re.MULTILINE):
            assert name in targets, f"{named(page)}: make {name}"


def test_hooks_are_sound_and_need_no_network() -> None:
    path = REPOSITORY / ".pre-commit-config.yaml"
    check = [sys.executable, "-m", "pre_commit", "validate-config", str(path)]
    subprocess.run(check, cwd=REPOSITORY, check=True, capture_output=True)
    for repository in yaml.safe_load(path.read_text())["repos"]:
        assert repository["repo"] in ("local", "meta")
        for hook in repository["hooks"]:
            assert hook.get("language", "system") in ("system", "pygrep")


def test_decisions_are_numbered_in_a_row() -> None:
    files = [page.name for page in PAGES if page.parent.name == "adr" and page.name != "README.md"]
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    for page in (REPOSITORY / "docs" / "adr" / name for name in files):
        text = page.read_text()
        assert text.startswith(f"# {int(page.name[:4])}. "), page.name
        for part in ("Context", "Decision", "Consequences", "Alternatives"):
            assert f"**{part}.**" in text, f"{page.name}: {part}"


PLACE = re.compile(r"`([\w./]+\.(?:py|java))(?::([\w.]+))?`")


def places() -> list[tuple[str, str]]:
    """Paths that architecture.md names, each with a name that is to be defined there."""
    return sorted(set(PLACE.findall((REPOSITORY / "docs" / "architecture.md").read_text())))


@pytest.mark.parametrize(("path", "name"), places(), ids=lambda text: text or "file")
def test_what_the_architecture_names_is_defined_there(path: str, name: str) -> None:
    inside = REPOSITORY / "smartwatts_ml" / path
    file = inside if inside.exists() else REPOSITORY / path
    assert file.is_file(), path
    body: list[ast.stmt] = ast.parse(file.read_text()).body if name else []
    for part in filter(None, name.split(".")):
        nodes = [node for node in body if part in defined_by(node)]
        assert nodes, f"{path} has no {name}"
        body = getattr(nodes[0], "body", [])


def defined_by(node: ast.stmt) -> list[str]:
    """Names that a statement gives a meaning: a function, a class, constants."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def test_the_architecture_says_where_newcomers_ask_and_every_room_has_its_line() -> None:
    text = (REPOSITORY / "docs" / "architecture.md").read_text()
    assert len(places()) > 40
    tree = text.split("```")[1]
    rooms = {path.name for path in (REPOSITORY / "smartwatts_ml").iterdir() if path.is_dir()}
    for room in rooms - {"__pycache__"}:
        assert f" {room}/" in tree, f"{room}/ is not in the tree of docs/architecture.md"
