"""How many parameters survive each round.  Imports nothing, so that a configuration is checked without numpy."""


def n_survivors(n_parameters: int, share: float, n: int) -> int:
    """Survivors of a pool of parameters after a round: N (1 − s)^n, to the nearest integer (halves to even)."""
    return round(n_parameters * (1 - share) ** n)
