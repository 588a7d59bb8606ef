"""The one error that every helper raises."""


class WorkbookError(ValueError):
    """A mistake that its one-sentence message tells the reader how to mend."""
