"""Write claims, settings and versions as tables to read and to print."""

from winnow.job.log import log_to

log_to(snakemake.log[0])

import json
from pathlib import Path

from winnow.store.atomic import write_bytes
from winnow.store.datasets import open_dataset
from winnow.store.tables import read_table
from winnow.typeset.markup import WRITERS
from winnow.typeset.tables import Images, count_verdicts, typeset_tables

claims = read_table(snakemake.input.claims, "claims").to_pandas()
sensitivity = read_table(path, "sensitivity").to_pandas() if (path := snakemake.input.sensitivity) else None
record = json.loads(Path(snakemake.input.record).read_text(encoding="utf-8"))
folders = zip(snakemake.params.datasets, snakemake.input.datasets, strict=True)
datasets = {name: Images.of(open_dataset(folder)) for name, folder in folders}
for name, table in typeset_tables(claims, record, datasets, sensitivity).items():
    for kind, write in WRITERS.items():
        write_bytes(snakemake.output[f"{name}_{kind}"], write(table).encode())
write_bytes(snakemake.output.quotes, count_verdicts(claims).encode())
