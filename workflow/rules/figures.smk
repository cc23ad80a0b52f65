"""The figures of the paper, and one more; one rule each."""


rule plot_fig1:
    """The most connected units' masks, IMP beside oneshot."""
    input:
        dataset=f"results/{{experiment}}/data/{CONFIG.figure_dataset}",
        imp=f"{FIGURE_RUN}/imp/{LAST_MASK}",
        oneshot=f"{FIGURE_RUN}/oneshot/{LAST_MASK}",
    output:
        pdf="results/{experiment}/figures/fig1.pdf",
        png=report(
            "results/{experiment}/figures/fig1.png",
            caption="../report/fig1.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "1"},
        ),
    log:
        "results/{experiment}/logs/plot_fig1/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig1/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        units=CONFIG.figures.units,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig1.py"


rule plot_fig2:
    """Independent and principal components of the validation images."""
    input:
        dataset=f"results/{{experiment}}/data/{CONFIG.figure_dataset}",
        components=f"results/{{experiment}}/components/{CONFIG.figure_dataset}.safetensors",
    output:
        pdf="results/{experiment}/figures/fig2.pdf",
        png=report(
            "results/{experiment}/figures/fig2.png",
            caption="../report/fig2.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "2"},
        ),
    log:
        "results/{experiment}/logs/plot_fig2/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig2/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig2.py"


rule plot_fig3:
    """The Gaussian clone: images, IMP's masks, receptive-field width by round."""
    input:
        dataset=f"results/{{experiment}}/data/{CONFIG.figure_dataset}",
        clone=f"results/{{experiment}}/data/{FIGURE_CLONE}",
        mask=f"{CLONE_RUN}/imp/{LAST_MASK}",
        locality=run_tables("locality", [CONFIG.figure_dataset], ["imp", "random"])
        + run_tables("locality", FIGURE_CLONES, ["imp"]),
    output:
        pdf="results/{experiment}/figures/fig3.pdf",
        png=report(
            "results/{experiment}/figures/fig3.png",
            caption="../report/fig3.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "3"},
        ),
    log:
        "results/{experiment}/logs/plot_fig3/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig3/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        clone=FIGURE_CLONE,
        units=CONFIG.figures.units,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig3.py"


rule plot_fig4:
    """Receptive-field width and kurtosis against sparsity."""
    input:
        locality=run_tables("locality", [CONFIG.figure_dataset]),
        kurtosis=run_tables("kurtosis_by_class", [CONFIG.figure_dataset]),
    output:
        pdf="results/{experiment}/figures/fig4.pdf",
        png=report(
            "results/{experiment}/figures/fig4.png",
            caption="../report/fig4.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "4"},
        ),
    log:
        "results/{experiment}/logs/plot_fig4/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig4/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig4.py"


rule plot_fig5:
    """Cavity scores by the round of removal, and their controls."""
    input:
        example=f"{FIGURE_RUN}/imp/cavity_example.parquet",
        cavity=run_tables("cavity", [CONFIG.figure_dataset]) + run_tables("cavity", FIGURE_CLONES, ["imp"]),
    output:
        pdf="results/{experiment}/figures/fig5.pdf",
        png=report(
            "results/{experiment}/figures/fig5.png",
            caption="../report/fig5.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "5"},
        ),
    log:
        "results/{experiment}/logs/plot_fig5/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig5/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        clone=FIGURE_CLONE,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig5.py"


rule plot_fig6:
    """Accuracy against density, and the pair correlation of the masks."""
    input:
        dataset=f"results/{{experiment}}/data/{CONFIG.figure_dataset}",
        training=training_tables([CONFIG.figure_dataset]),
        pair_correlation=run_tables("pair_correlation", [CONFIG.figure_dataset])
        + run_tables("pair_correlation", FIGURE_CLONES, ["imp"]),
    output:
        pdf="results/{experiment}/figures/fig6.pdf",
        png=report(
            "results/{experiment}/figures/fig6.png",
            caption="../report/fig6.rst",
            category="Figures",
            labels={"experiment": "{experiment}", "figure": "6"},
        ),
    log:
        "results/{experiment}/logs/plot_fig6/figure.log",
    benchmark:
        "results/{experiment}/benchmarks/plot_fig6/figure.tsv"
    conda:
        "../../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=memory("plot_figures"),
        runtime=minutes("plot_figures"),
    params:
        dataset=CONFIG.figure_dataset,
        clone=FIGURE_CLONE,
        version=VERSIONS["plot_figures"],
    script:
        "../scripts/plot_fig6.py"
