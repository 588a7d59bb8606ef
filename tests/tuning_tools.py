"""What the tests of `helpers.tuning` share; their fixture `build` is in conftest.py."""

import pytest

from helpers.errors import WorkbookError


def sentence(function, *arguments, **options) -> str:
    """What the call complains of, in one short sentence."""
    with pytest.raises(WorkbookError) as problem:
        function(*arguments, **options)
    message = str(problem.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 300
    return message
