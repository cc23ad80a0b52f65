"""The settings of each source of images; `source` has what they share."""
