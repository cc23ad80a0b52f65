"""Plot figure 8: dose and response."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig8 import plot_fig8
from winnow.figures.style import save_figure
from winnow.store.tables import read_table

figure = plot_fig8(read_table(snakemake.input.responses, "responses").to_pandas())
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
