"""What masks and preactivations tell: locality, kurtosis, cavity scores, and the components of the images."""
