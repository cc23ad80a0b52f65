"""The explorer: one page, `explorer.html`, that shows masks, units and curves of an experiment, from a disk.

| module | what is in it |
| --- | --- |
| `make` | the page of an experiment |
| `content` | what the page says in numbers: runs, units, curves, claims |
| `pack` | arrays in few bytes |
| `sources` | HTML, style and ES modules of `page/`, joined to one file |
| `still` | a still picture for the report |

`page/` holds the sources: no framework, nothing is fetched, and no Node is needed to put them together.
"""
