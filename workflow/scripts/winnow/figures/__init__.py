"""The figures: one module a figure, each with one function from data to a `matplotlib.figure.Figure`."""
