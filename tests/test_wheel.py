"""The package as pip installs it on Colab: built, put into an empty folder, and used from there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.fake_colab import copy_of_the_tree

pytestmark = pytest.mark.long
PACKAGES = ("helpers", "smallworld")
PROGRAM = """
import helpers
from helpers import text
from helpers.session import start

session = start()
tokenizer, model = text.load(session)
(story,) = text.generate(model, tokenizer, ["Once upon a time"], max_new_tokens=12, seed=0)
print(helpers.__file__)
print(story)
"""


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """A copy of the working tree, since building writes into it."""
    return copy_of_the_tree(tmp_path_factory.mktemp("wheel") / "tree")


@pytest.fixture(scope="module")
def wheel(tree) -> Path:
    folder = tree.with_name("wheels")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder, tree)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_two_packages_whole_and_nothing_else(tree, wheel):
    wanted = {
        str(path.relative_to(tree))
        for package in PACKAGES
        for path in (tree / package).rglob("*")
        if path.is_file()
    }
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == wanted
    for example in ("smallworld/weights/text/model.safetensors", "smallworld/world/patterns.txt",
                    "helpers/lessons/systems.csv", "helpers/page/style.css"):  # fmt: skip
        assert example in names


def test_what_it_installs_writes_a_story_without_the_working_tree(wheel, tmp_path):
    pip("install", "--no-deps", "--no-index", "--target", tmp_path / "packages", wheel)
    (tmp_path / "empty").mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "packages")}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path / "empty", env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    where, story = done.stdout.splitlines()[-2:]
    assert Path(where) == tmp_path / "packages" / "helpers" / "__init__.py"
    assert len(story.split()) >= 8
