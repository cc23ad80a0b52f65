"""Which files a source consists of, found by their names alone.

Snakemake asks, in an environment that may have little: nothing is read here, and neither numpy nor PIL imported.  What
is in the files is checked when the dataset is prepared.
"""
