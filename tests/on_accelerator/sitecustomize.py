"""Every process that has this folder on its path begins with an accelerator that only seems to be there."""

from tests.accelerator import pretend

pretend()
