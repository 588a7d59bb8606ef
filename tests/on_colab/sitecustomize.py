"""Every kernel that has this folder on its path begins as Colab's do: with `google.colab` imported."""

import google.colab  # noqa: F401
