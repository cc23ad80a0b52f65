"""What is measured, one module a section; each has `CASES`, functions that yield rows, by name."""
