"""From records to tables, figures and prose. Torch-free: what a reader reruns takes seconds.

collect       records -> members.parquet, study.json; refuses what other code made
families      which comparisons are corrected together
results       what collect wrote, read back
tables        a table that is written once and shown everywhere
words         numbers and rows as the words of a sentence
pandoc        Markdown -> HTML, Typst, LaTeX
explain       a regularizer in words, for a terminal and for docs/regularizers.md
statistics/   inference, simultaneous, aggregate: intervals, tests and estimators on plain arrays
              comparisons, across, tuning, diagnostics, advice, sensitivity: results -> tables
              reproduction: two sets of records, figure by figure;  compare writes all of them
figures/      style, and one function a figure by what it shows;  draw draws all of them
report/       shown, shown_*: numbers -> tables to be read;  explore: what a page lets choose from
              findings, sentences, reproduced: results -> prose
              page: what a cell shows;  document, web: notebook -> one document, PDF and HTML
              report executes report/report.md;  readme writes the generated parts of README.md
"""
