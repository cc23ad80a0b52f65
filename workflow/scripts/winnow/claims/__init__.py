"""The paper's statements as statistics with verdicts, computed and never typed in.

`statistics`: numbers of one seed, from its tables.  `paper`: the claims, each with the statistic that decides.
`seeds`: what few seeds say together: effects, intervals, exact tests, chance.  `table`: all of it as the table `claims`
and as its summary for people.
"""
