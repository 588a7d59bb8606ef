"""Reference answers to the exercises, as plain functions; `exercises.solution` prints their source."""
