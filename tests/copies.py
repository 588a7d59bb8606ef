"""Copies that a test can change, even those of a tree that cannot be written."""

import os
import shutil
from pathlib import Path


def copy_tree(source: Path, target: Path, ignore=None) -> Path:
    """A copy of a folder, all of it writable; ignore as for `shutil.copytree`."""
    shutil.copytree(source, target, ignore=ignore, copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(target):
        os.chmod(folder, 0o755)
    return Path(target)
