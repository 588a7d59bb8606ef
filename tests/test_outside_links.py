"""Outside links: found where readers read them, asked for politely, and told apart: there, gone, unsure."""

import json
import socket

import pytest
from small_server import Reply, serving

from tests import outside_links

ADDRESS = '[project.urls]\nRepository = "https://github.com/o/n/tree/main"\n'


@pytest.fixture
def tree(tmp_path):
    """A small workbook with links of all kinds."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{ADDRESS}")
    (tmp_path / "README.md").write_text(
        "[a](https://a.org/x#part), <https://b.org>, https://c.org/d_(e). `https://github.com/OWNER/NAME`\n"
        "[us](https://github.com/o/n), [near](docs/there.md), http://localhost:8888/lab"
    )
    (tmp_path / "docs" / "there.md").write_text("![badge](https://a.org/x) **https://d.org/**")
    cells = [{"cell_type": "markdown", "source": ["See [it](https://doi.org/10.1/a(b)2)", ", or not."]},
             {"cell_type": "code", "source": ["get('https://code.org')"]}]  # fmt: skip
    (tmp_path / "notebooks" / "01_a.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def test_links_are_found_with_their_places_and_our_own_are_left_out(tree):
    assert outside_links.outside_links(tree) == {
        "https://a.org/x": ["README.md", "docs/there.md"],
        "https://b.org": ["README.md"],
        "https://c.org/d_(e)": ["README.md"],
        "https://d.org/": ["docs/there.md"],
        "https://doi.org/10.1/a(b)2": ["notebooks/01_a.ipynb"],
    }


def test_the_workbook_s_own_links_are_read():
    links = outside_links.outside_links()
    assert len(links) > 40 and any("arxiv.org" in link for link in links)
    assert not any(link.endswith((")", ",", "*")) for link in links if "(" not in link)


CASES = {
    "/there": (Reply(), "there", ["HEAD"]),
    "/moved": (Reply(301, location="/there"), "there", ["HEAD"]),
    "/only-get": (Reply(head=405), "there", ["HEAD", "GET"]),
    "/head-is-lied-to": (Reply(head=404), "there", ["HEAD", "GET"]),
    "/gone": (Reply(404), "gone", ["HEAD", "GET"]),
    "/gone-for-good": (Reply(410), "gone", ["HEAD", "GET"]),
    "/no-robots": (Reply(403), "unsure", ["HEAD", "GET"] * 2),
    "/busy-once": ([Reply(503), Reply(503), Reply()], "there", ["HEAD", "GET", "HEAD"]),
}


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving({path: reply for path, (reply, *_) in CASES.items()}) as server:
        yield server


@pytest.mark.parametrize("path", CASES)
def test_a_page_is_there_or_gone_or_nothing_is_sure(server, path):
    _, verdict, methods = CASES[path]
    assert outside_links.look(server.address + path, pause=0).verdict == verdict
    assert [method for method, asked in server.requests if asked == path] == methods


def test_a_redirection_is_the_answer_of_a_host_that_knows(server, monkeypatch):
    assert outside_links.look(f"{server.address}/moved", pause=0).verdict == "there"
    assert ("GET", "/there") in server.requests or ("HEAD", "/there") in server.requests
    server.requests.clear()
    monkeypatch.setattr(outside_links, "KNOWS", {"127.0.0.1"})
    assert outside_links.look(f"{server.address}/moved", pause=0).verdict == "there"
    assert server.requests == [("HEAD", "/moved")]
    assert outside_links.look(f"{server.address}/gone", pause=0).verdict == "gone"


def no_such_host(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def silent(*_, **__):
    raise TimeoutError("timed out")


@pytest.mark.parametrize(("trouble", "verdict"), [(no_such_host, "no host"), (silent, "unsure")])
def test_a_host_without_an_address_is_told_from_a_silent_one(monkeypatch, trouble, verdict):
    monkeypatch.setattr(outside_links, "ask", trouble)
    answer = outside_links.look("https://nowhere.test/", pause=0)
    assert answer.verdict == verdict and answer.reason


def test_a_temporary_failure_of_the_name_server_proves_nothing(monkeypatch):
    def ask(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(outside_links, "ask", ask)
    assert outside_links.look("https://nowhere.test/", pause=0).verdict == "unsure"


def test_one_host_is_asked_for_one_page_at_a_time(server, monkeypatch):
    waits = []
    monkeypatch.setattr(outside_links.time, "sleep", waits.append)
    links = [f"{server.address}{path}" for path in ("/there", "/gone", "/moved")]
    answers = outside_links.look_at_all(links, pause=3)
    assert [answer.link for answer in answers] == links
    assert [answer.verdict for answer in answers] == ["there", "gone", "there"]
    assert waits == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("paths", "code", "said"),
    [(["/there", "/no-robots"], 0, "unsure: "), (["/there", "/gone"], 1, "gone: "), (["/no-robots"], 2, "")],
)
def test_only_a_page_that_is_gone_is_a_failure(server, monkeypatch, capsys, paths, code, said):
    links = {server.address + path: ["README.md"] for path in paths}
    monkeypatch.setattr(outside_links, "outside_links", lambda: links)
    assert outside_links.main(pause=0) == code
    told = capsys.readouterr()
    if code == 2:
        assert told.out == "" and "is there a network?" in told.err
    else:
        assert told.out.splitlines()[0].startswith(f"{said}{server.address}{paths[1]} (answers ")
        assert told.out.splitlines()[0].endswith(", in README.md")
