"""What broke when: the weekly runs of GitHub's CI as one page; `python -m tests.drift_history OWNER/NAME`.

Nothing is stored for it. GitHub keeps for each run of the workflow `drift` which job failed, and the marks
that `tests.drift` set; both are read from its public interface. GITHUB_TOKEN, where it is set, only raises
the number of questions that GitHub answers in an hour. The page fetches nothing and needs no script.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import jinja2

import helpers
from helpers.errors import WorkbookError

API = "https://api.github.com"
WORKFLOW = "drift.yml"
RUNS = 26  # half a year of Mondays
GENERIC = "Process completed with exit code"  # what GitHub adds to every failed step


@dataclass
class Job:
    """One job of a run: its name, "success" or what else became of it, its page, and what broke."""

    name: str
    outcome: str
    page: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Run:
    """One run: its day (YYYY-MM-DD), its page and its jobs."""

    day: str
    page: str
    jobs: list[Job]


def ask(path: str, api: str = API) -> Any:
    """One answer of GitHub's interface; WorkbookError where there is none."""
    headers = {"Accept": "application/vnd.github+json", "User-Agent": "generative-ai-workbook-drift/1"}
    if token := os.environ.get("GITHUB_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urlopen(Request(f"{api}{path}", headers=headers), timeout=30) as response:
            return json.load(response)
    except HTTPError as error:
        raise WorkbookError(f"GitHub answers {error.code} for {path}: try again later.") from error
    except (OSError, ValueError) as error:
        raise WorkbookError(f"GitHub does not answer ({error}): is there a network?") from error


def history(repository: str, branch: str, api: str = API) -> list[Run]:
    """The finished runs on a branch, the latest first."""
    start = f"/repos/{repository}/actions"
    query = urlencode({"branch": branch, "status": "completed", "per_page": RUNS})
    runs = []
    for told in ask(f"{start}/workflows/{WORKFLOW}/runs?{query}", api)["workflow_runs"]:
        jobs = []
        for one in ask(f"{start}/runs/{told['id']}/jobs?per_page=100", api)["jobs"]:
            job = Job(one["name"], one["conclusion"] or "unknown", one["html_url"])
            if job.outcome != "success":
                job.lines = marks(ask(f"/repos/{repository}/check-runs/{one['id']}/annotations", api))
            jobs.append(job)
        runs.append(Run(told["created_at"][:10], told["html_url"], jobs))
    return runs


def marks(annotations: Sequence[dict[str, Any]]) -> list[str]:
    """What went wrong, in the order in which it was told; GitHub's own mark only where there is no other."""
    said = [one["message"] for one in annotations if one.get("annotation_level") == "failure"]
    return [line for line in said if not line.startswith(GENERIC)] or said


def page(runs: Sequence[Run]) -> str:
    """The runs as one HTML page."""
    folders = [Path(__file__).parent, Path(helpers.__file__).with_name("page")]  # the second has the style
    loader = jinja2.Environment(loader=jinja2.FileSystemLoader(folders), autoescape=True)
    names = list(dict.fromkeys(job.name for run in runs for job in run.jobs))
    rows = [(run, {job.name: job for job in run.jobs}) for run in runs]
    return loader.get_template("drift_history.html.j2").render(names=names, rows=rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0, 1 where GitHub does not tell, 2 for a name that is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.drift_history", description=__doc__.split("\n")[0])
    parser.add_argument("repository", help="OWNER/NAME")
    parser.add_argument("--branch", default="main")
    parser.add_argument("--api", default=API, help="the interface's address")
    parser.add_argument("--output", type=Path, default=Path("build/drift.html"))
    chosen = parser.parse_args(arguments)
    if not re.fullmatch(r"\w[\w-]*/\w[\w.-]*", chosen.repository, re.ASCII):
        parser.error(f'"{chosen.repository}" is no repository: write OWNER/NAME.')
    try:
        runs = history(chosen.repository, chosen.branch, chosen.api)
    except WorkbookError as error:
        print(error, file=sys.stderr)
        return 1
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(page(runs), encoding="utf-8")
    print(f"{len(runs)} runs: {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
