"""Compare the methods."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

from winnow.claims.methods import ON_REQUEST, MethodTables, compare_methods, summarise_methods, tabulate_methods
from winnow.store.atomic import write_bytes
from winnow.store.tables import read_table, write_table

tables = MethodTables(
    locality=read_table(snakemake.input.locality, "locality").to_pandas(),
    pair_correlation=read_table(snakemake.input.pair_correlation, "pair_correlation").to_pandas(),
    participation=read_table(snakemake.input.participation, "participation").to_pandas(),
    kurtosis=read_table(snakemake.input.kurtosis, "kurtosis_by_class").to_pandas(),
    training=read_table(snakemake.input.training, "training").to_pandas(),
    cavity=read_table(snakemake.input.cavity, "cavity").to_pandas(),
    # Where they are asked for.
    **{
        name: read_table(path, table).to_pandas()
        for name, table in ON_REQUEST.items()
        if (path := snakemake.input.get(name))
    },
)
columns = compare_methods(tables, methods=snakemake.params.methods, nested=snakemake.params.nested)
write_table(snakemake.output.table, "methods", columns)
write_bytes(snakemake.output.csv, tabulate_methods(columns).encode())
write_bytes(snakemake.output.markdown, summarise_methods(columns).encode())
