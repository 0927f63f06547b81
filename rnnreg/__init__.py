"""rnnreg: how to regularize recurrent neural networks, measured.

The alphabet of shapes, used in every docstring and trailing comment:

    M members   T steps   B batch   D inputs   H hidden   G gates   V outputs

Members come first, always: (M, ...). A weight matrix is (M, rows = outputs, columns = inputs),
the layout of torch.nn.

A module imports only from modules above it in this list:

    errors        a fault in something a user wrote, told without a traceback
    registry      folder -> names; name -> facts (read, not imported); name -> the class in its file
    study         study YAML -> Study -> rows; fingerprints; no torch
    records       Record <-> JSON lines; no torch
    selection     the strength that validation chooses; no torch
    transfer      bytes from an address, the hub or a folder: retries, resume
    sources       checked downloads and packaged data
    native        what is compiled on first use: the time loop, masks
    noise         random numbers as a function of (seed, step, site)
    tasks         LanguageModel, Classification, Forecast, Polyphony
    benchmark     Benchmark, Splits, Model, Budget
    tables        columns of CSV, JSON and Parquet files
    sequences     labelled sequences of unequal length -> Splits
    text          vocabularies; texts -> Splits
    series        tables -> Splits for forecasting
    naive         scores that need no network
    checks        what is true of any prepared benchmark
    prepared      raw files -> arrays and facts, written and read
    cells         one recurrent cell a file
    regularizers  one regularizer a file
    fused         the time loop of a GPU
    unroll        the time loop: the plain one that defines the result, and the fast ones
    model         initial weights, forward -> Trace
    batches       per-seed order -> (M, T, B)
    optimizers    Adam and SGD with a member axis
    population    M members trained side by side, step by step: the page to read first
    capture       the same on a GPU: steps recorded once and replayed
    training      train(row): tune, evaluate -> records
    rates         learning rates, chosen on validation
    estimate      what a study will cost on this machine
    progress      a row's progress line, and its sign of life
    status        how far a study is
    analysis      torch-free: statistics, tables, figures, reproduction, report
    cli           the command line
"""
