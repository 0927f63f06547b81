"""From records to tables, figures and prose. Torch-free: what a reader reruns takes seconds.

collect       records -> members.parquet, study.json; refuses what other code made
results       the two read back
statistics    intervals, tests and estimators on plain arrays
aggregate     the same across data sets
comparisons, across, tuning, diagnostics, advice      results -> tables of numbers
reproduction  two sets of records, figure by figure
speed         what benchmarks/speed measured: table and prose
tables        a table that is written once and shown everywhere
shown, shown_setup, shown_rows                        numbers -> tables to be read
compare       writes all of them
style, figures_effects, _across, _tuning, _benchmark, _speed    one function a figure
figures       draws all of them
words, findings, sentences                            results -> prose
page, citations, web, paper                           notebook -> HTML and PDF
report        executes report/report.md
"""
