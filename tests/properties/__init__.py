"""What holds for every mask, image and weight: properties of the mathematics, on random and extreme input."""
