"""The one definition of the configuration: names, types, ranges, defaults, meaning.

`experiment` is the whole, made of `sections` and `datasets`, and of the models in `sources`, each called like the
module in `winnow.datasets` that it belongs to.  `parse` and `yaml_files` check what a person wrote, `messages` and
`words` say what is wrong with it, `documents` makes schema and table of settings.  Imports neither numpy nor PyTorch.
"""
