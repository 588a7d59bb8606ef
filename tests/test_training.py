"""What all trainers share: the schedule, the fingerprint of the world's sources, the output folder."""

from types import SimpleNamespace

import pytest

from smallworld.making import training


def test_the_learning_rate_rises_stays_and_falls_to_zero():
    own = SimpleNamespace(warmup=10, decay_share=0.25, learning_rate=2.0)
    rates = [training.learning_rate(step, 100, own) for step in range(101)]
    assert rates[0] == pytest.approx(0.2) and rates[9] == rates[75] == 2.0
    assert rates[87] == pytest.approx(2.0 * 13 / 25) and rates[99] == pytest.approx(0.08) and rates[100] == 0


def test_a_fresh_run_keeps_the_old_folder(tmp_path):
    output = tmp_path / "run"
    output.mkdir()
    (output / "checkpoint.pt").write_bytes(b"precious")
    training.prepare_output(output, fresh=True)
    assert not output.exists() and (tmp_path / "run.old" / "checkpoint.pt").read_bytes() == b"precious"


def test_no_output_folder_and_no_checkpoint_are_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(training.TrainingError, match="is a file"):
        training.prepare_output(tmp_path / "file")
    with pytest.raises(training.TrainingError, match="no checkpoint"):
        training.prepare_output(tmp_path, resume=True)


# --- the fingerprint of the world's sources -------------------------------------------------------------


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A world of three sources: a module, a table and a folder."""
    (tmp_path / "stories.py").write_text("x = 1")
    (tmp_path / "patterns.txt").write_text("a | b")
    (tmp_path / "drawing").mkdir()
    (tmp_path / "drawing" / "skies.py").write_text("blue = 1")
    (tmp_path / "drawing" / "__pycache__").mkdir()
    (tmp_path / "drawing" / "__pycache__" / "skies.pyc").write_bytes(b"0")
    monkeypatch.setattr(training, "WORLD", tmp_path)
    return tmp_path


def test_a_source_is_a_file_or_a_folder_of_the_world(world):
    names = ("drawing", "patterns", "stories")
    relative = [str(path.relative_to(world)) for path in training.world_sources(names)]
    assert relative == ["drawing/skies.py", "patterns.txt", "stories.py"]


@pytest.mark.parametrize("changed", ["stories.py", "patterns.txt", "drawing/skies.py"])
def test_the_fingerprint_changes_with_every_source_and_with_the_settings(world, changed):
    names = ("stories", "patterns", "drawing")
    before = training.fingerprint(names, (1, 2))
    assert training.fingerprint(reversed(names), (1, 2)) == before != training.fingerprint(names, (1, 3))
    (world / changed).write_text("something else")
    assert training.fingerprint(names, (1, 2)) != before


def test_a_source_that_does_not_exist_is_named(world):
    with pytest.raises(FileNotFoundError, match="no file and no folder painting"):
        training.fingerprint(("stories", "painting"), ())
