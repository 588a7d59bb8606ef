"""The command ``python -m smallworld.evaluate``: measure the shipped models, print one JSON object."""

import sys

from smallworld.making.evaluation.text import main

if __name__ == "__main__":
    sys.exit(main())
