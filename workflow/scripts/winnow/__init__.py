"""How pruning finds receptive fields: the library.  It knows nothing of Snakemake, and takes the values that it uses.

The paper, step by step:

| room | what is in it |
| --- | --- |
| `datasets` | images of all sources in one form on disk |
| `clone` | images with the same mean and covariance and no higher cumulant |
| `network`, `training` | the fully connected network; the engines that train it |
| `masks` | which parameters survive |
| `pruning` | the methods: procedures, and the criteria by which they prune |
| `measure` | receptive-field widths, pair correlation, kurtosis, cavity scores, components |
| `claims` | the paper's statements as statistics with verdicts |
| `figures` | one module a figure |
| `typeset` | claims, settings and versions as tables to read and to print |
| `explorer` | a page to look at masks, units and curves |
| `streams` | random numbers by name, of all of them |

What carries it: `config`, what an experiment may say; `store`, every file format; `job`, what a job lives in;
`progress`, how far a run is.
"""
