"""The figures, one module each; `style`, `bands` and `pictures` are what they share."""
