"""Every file format of the project, read and written here alone.

| what | module | format | its description |
| --- | --- | --- | --- |
| dataset | `datasets` | a folder: five `.npy` arrays (memory-mapped) and `facts.json` | `facts.json` |
| parameters | `tensors` | safetensors, `layers.0.weight` (H, D), `norms.0.weight` … | metadata `winnow` |
| mask | `tensors` | safetensors, `numpy.packbits` of each flattened array | metadata `winnow` |
| arrays | `tensors` | safetensors | metadata `winnow` |
| statistics | `tables` | Parquet, one of the `schemas`, with `columns`; those of several `layers` | metadata `winnow` |

A file gets its name only when it is complete (`atomic`), and says what it is and whether it is whole (`sealed`).  No
pickle is ever written or read.
"""
