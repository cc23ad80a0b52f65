"""One module a criterion, with a function of the same name; `registry` lists them."""
