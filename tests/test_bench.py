"""The arithmetic of `make bench`, and that its calibration is always the same work; nothing is timed here."""

import pytest
import torch

from tests import bench, calibration


@pytest.mark.parametrize("seconds, calibrations, units", [
    (30, [5.0], 6), (30, [4.0, 6.0], 6), (30, [5.0, 5.0, 50.0], 6), (0, [5.0], 0),
])  # fmt: skip
def test_a_time_in_units_is_a_multiple_of_the_median_calibration(seconds, calibrations, units):
    assert calibration.in_units(seconds, calibrations) == pytest.approx(units)


def test_a_machine_half_as_fast_gives_the_same_units():
    quick, slow = [5.0, 5.2, 5.1], [10.0, 10.4, 10.2]
    assert calibration.in_units(60, quick) == pytest.approx(calibration.in_units(120, slow))


def test_without_a_calibration_there_are_no_units():
    with pytest.raises(ValueError, match="no calibration"):
        calibration.in_units(30, [])


def test_the_report_names_units_seconds_and_the_unit():
    each = {
        "01_a": {"units": 6.0, "seconds": 30.0, "gigabytes": 0.5},
        "02_b": {"units": 10.0, "seconds": 50.0, "gigabytes": 0.9},
    }
    text = bench.report({"notebooks": {"each": each, "calibrations": [4.0, 5.0, 9.0]}})
    assert "| 01_a | 6.0 | 30.0 | 0.5 |" in text
    assert "| all | 16.0 | 80.0 | 0.9 |" in text
    assert "A unit is 5.00 s here (median of 3: 4.00 to 9.00)." in text


def test_the_calibration_is_the_same_work_whatever_was_drawn_before():
    torch.manual_seed(7)
    first = calibration.gpt2().state_dict()["transformer.wte.weight"]
    state = torch.random.get_rng_state()
    again = calibration.gpt2().state_dict()["transformer.wte.weight"]
    assert torch.equal(first, again) and torch.equal(state, torch.random.get_rng_state())


def test_each_calibration_runs_all_of_the_work(monkeypatch):
    done = []
    for name in ("draw", "write", "learn"):
        monkeypatch.setattr(calibration, name, lambda *given, name=name: done.append((name, given[-1])))
    assert len(calibration.calibrate(repeats=2)) == 2
    whole = [("draw", 50), ("write", 150), ("learn", 12), ("learn", 12)]
    assert done[4:] == whole + whole


def test_the_work_runs():
    calibration.work(scale=0.1)
