"""Stands in for the package that marks a kernel of Google Colab; the workbook needs nothing of it."""
