"""Small helpers behind the workbook's notebooks: everything a notebook needs that is not its subject."""

__version__ = "0.1.0"
