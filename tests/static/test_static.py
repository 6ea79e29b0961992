"""The browser code: its own unit tests, its types, and what it shares with the server."""

import json
import re
from pathlib import Path

import pytest

from tests.static.node import ROOT, run_node

STATIC = ROOT / "static"
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    not (STATIC / "node_modules").is_dir(), reason="the packages of static/ are not installed (make run installs them)"
)


def test_unit_tests_of_the_browser_code() -> None:
    finished = run_node(HERE / "run.mjs")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    passed = re.search(r"^(?:#|ℹ) pass (\d+)", finished.stdout, re.MULTILINE)
    assert passed is not None and int(passed[1]) > 30, finished.stdout


@pytest.mark.parametrize("project", [STATIC, HERE], ids=["the code", "its tests"])
def test_types(project: Path) -> None:
    finished = run_node(STATIC / "node_modules/typescript/bin/tsc", "--noEmit", "-p", project)
    assert finished.returncode == 0, finished.stdout


def test_the_committed_schema_is_the_one_of_the_editor() -> None:
    finished = run_node("build.mjs", "schema")
    assert finished.returncode == 0, finished.stderr
    committed = (ROOT / "server/documents/schema.json").read_text(encoding="utf-8")
    assert finished.stdout == committed, "run: cd static && node build.mjs schema > ../server/documents/schema.json"


def test_lock_file_names_no_address() -> None:
    lock = json.loads((STATIC / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_packages_are_pinned() -> None:
    package = json.loads((STATIC / "package.json").read_text(encoding="utf-8"))
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert not {name: version for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)}


def _page() -> str:
    names = (
        "documents/writing_words.html",
        "documents/suggestion_words.html",
        "comments/words.html",
        "comments/icons.html",
    )
    return "\n".join((ROOT / "templates" / name).read_text(encoding="utf-8") for name in names)


def _sources() -> dict[str, str]:
    editor, comments = (STATIC / "src/editor").rglob("*.ts"), (STATIC / "src/comments").rglob("*.ts")
    found = {path.name: path.read_text(encoding="utf-8") for path in editor}
    return found | {f"comments/{path.name}": path.read_text(encoding="utf-8") for path in comments}


def test_the_page_has_every_word_that_the_editor_says() -> None:
    words = set(re.findall(r'"([a-zA-Z]+(?:\.[a-zA-Z0-9]+)+)": "', _page()))
    said = {word for source in _sources().values() for word in re.findall(r'\bsay\(\s*"([^"]+)"', source)}
    for source in _sources().values():
        for choice in re.findall(r'\bsay(?:Count)?\(\w+ \? "([^"]+)" : "([^"]+)"', source):
            said.update(choice)
    said.update(f"save.{word}.{form}" for word in ("kept", "loose") for form in ("one", "other"))
    said.update(f"leftover.edits.{form}" for form in ("one", "other"))
    said -= {"save.kept", "save.loose"}
    kinds = _sources()["block-kinds.ts"]
    names = [*re.findall(r'name: "(\w+)"', kinds), "heading1", "heading2", "heading3"]
    said.update(f"block.{name}{part}" for name in names for part in ("", ".hint", ".also"))
    said.update(f"slash.group.{group}" for group in re.findall(r'group: "(\w+)",', kinds))
    said.update(f"tool.{name}" for name in re.findall(r'markTool\("(\w+)"', _sources()["selection-toolbar.ts"]))
    said.update(f"table.{name}" for name in re.findall(r'^  \["(\w+)",', _sources()["table-toolbar.ts"], re.MULTILINE))
    assert len(said) > 80
    assert said - words == set()


def test_the_page_of_variants_has_every_word_that_it_says() -> None:
    own = (ROOT / "templates/publishing/variant_words.html").read_text(encoding="utf-8")
    words = set(re.findall(r'"([a-zA-Z]+(?:\.[a-zA-Z0-9]+)+)": "', own + _page()))
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (STATIC / "src/variants").rglob("*.ts"))
    said = set(re.findall(r'"(variant(?:\.[a-zA-Z]+)+)"', sources))
    assert len(said) > 40
    assert said - words == set()
    assert set(re.findall(r'"(variant(?:\.[a-zA-Z]+)+)":', own)) - said == set(), "words that nothing says"


def test_the_page_has_every_icon_that_the_editor_draws() -> None:
    drawn = set(re.findall(r"^  \"([\w-]+)\": '<", _page(), re.MULTILINE))
    asked = {name for source in _sources().values() for name in re.findall(r'\bicon(?:\(|: )"([\w-]+)"', source)}
    asked.update(re.findall(r'markTool\("(\w+)"', _sources()["selection-toolbar.ts"]))
    asked.update(re.findall(r'^  \["(\w+)",', _sources()["table-toolbar.ts"], re.MULTILINE))
    assert len(asked) > 25
    assert asked - drawn == set()
