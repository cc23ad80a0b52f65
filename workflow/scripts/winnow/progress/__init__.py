"""How far a run is, for whoever waits for it.

`run`: the jobs of a run, what has become of them, and the chains of rounds among them; `forecast`: how long it will
still take; `words`: jobs, numbers and times as words; `lines`: a line with its time for each event; `view`: all of it
in a picture of a terminal's size; `screen`: that picture, kept at the terminal's foot; `targets`: what may be asked
for.

Snakemake's events come in by `workflow/plugins/snakemake_logger_plugin_winnow`; how far a job is says its log, wherever
it runs (`winnow.job.said`).  Imports nothing but `rich`, and that where a picture is drawn only.
"""
