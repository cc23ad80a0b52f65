"""How many parameters survive each round.  Imports nothing, so that a configuration is checked without numpy."""


def n_survivors(n_parameters: int, share: float, n: float) -> int:
    """Survivors of a pool of parameters after n rounds: N (1 − s)^n, to the nearest integer (halves to even).

    Fractions of a round are allowed: a method that takes its time to a density passes through them.
    """
    return round(n_parameters * float((1 - share) ** n))
