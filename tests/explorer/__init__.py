"""The explorer: what goes into the page, and the page in a real browser."""
