"""Plot figure 5: cavity scores by the round of removal."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.figures.fig5 import plot_fig5
from winnow.figures.style import save_figure
from winnow.store.tables import read_table, read_tables

figure = plot_fig5(
    read_table(snakemake.input.example, "cavity_example").to_pandas(),
    read_tables(snakemake.input.cavity, "cavity").to_pandas(),
    dataset=snakemake.params.dataset,
    clone_name=snakemake.params.clone,
)
save_figure(figure, snakemake.output.pdf, snakemake.output.png)
