"""The sources of images, one module each; `prepare` calls them by name.

`batches` and `pickles` read what ImageNet32 and CIFAR are distributed as, `pixels` image files, `standin` makes files
of ImageNet32's form.
"""
