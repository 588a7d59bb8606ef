"""What stands in for Google Colab and GitHub: a throw-away Python with Colab's libraries, a repository."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.copies import copy_tree

ROOT = Path(__file__).resolve().parents[1]
NOT_PUBLISHED = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")


def git(*arguments: str, cwd: Path) -> None:
    """Run git in a folder, whoever its user is."""
    settings = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org"]
    subprocess.run(["git", *settings, *arguments], cwd=cwd, check=True, capture_output=True)


def copy_of_the_tree(folder: Path) -> Path:
    """A copy of what the repository holds, and of new files."""
    return copy_tree(ROOT, folder, ignore=NOT_PUBLISHED)


def publish(folder: Path, branch: str) -> Path:
    """Make a git repository of the working tree as it is now, on a branch of this name."""
    copy_of_the_tree(folder)
    git("init", cwd=folder)
    git("checkout", "-b", branch, cwd=folder)
    git("add", ".", cwd=folder)
    git("commit", "-m", "as it is now", cwd=folder)
    return folder


def instead_of(address: str, repository: Path) -> dict[str, str]:
    """Variables that make git read a local repository where it is given this address."""
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": address,
    }


def without_network(wheels: Path) -> dict[str, str]:
    """Variables that make pip take what it builds with from this folder, and nothing from the network."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def fresh_python(colab: Path, folder: Path) -> Path:
    """A Python in a new environment, which sees the libraries of the environment `colab` and leaves it alone.

    What is installed with it lands in `folder`. It begins as on Colab: with `google.colab` imported.
    """
    subprocess.run([colab / "bin" / "python", "-m", "venv", "--without-pip", folder], check=True)
    (libraries,) = colab.glob("lib/python*/site-packages")
    (packages,) = folder.glob("lib/python*/site-packages")
    on_colab = ROOT / "tests" / "on_colab"
    (packages / "colab.pth").write_text(f"{libraries}{os.linesep}{on_colab}{os.linesep}", encoding="utf-8")
    return folder / "bin" / "python"
