"""The small world: what it holds (world), who reads it (judges), its models (weights), how they are made."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = Path(__file__).resolve().parent / "weights"
