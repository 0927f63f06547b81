"""From records to tables, figures and prose. Torch-free: what a reader reruns takes seconds.

selection     which strength a row is evaluated at
collect       records -> members.parquet, study.json; refuses what other code made
statistics    intervals, tests and estimators on plain arrays
compare       members -> selected.csv, comparisons.csv, across.csv and tables
figures       one function a figure
sentences     results -> prose
report        report.md -> HTML, notebook and PDF
reproduction  two sets of records, figure by figure
"""
