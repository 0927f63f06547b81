"""rnnreg: how to regularize recurrent neural networks, measured.

The alphabet of shapes, used in every docstring and trailing comment:

    M members   T steps   B batch   D inputs   H hidden   G gates   V outputs
    S steps of a target that has its own

Members come first, always: (M, ...). A weight matrix is (M, rows = outputs, columns = inputs),
the layout of torch.nn.

The rooms of the package, from the ground up. A room imports only from rooms above it in this list,
a module only from modules above it:

    errors            a fault in something a user wrote, told without a traceback
    cells/            one recurrent cell a file
    study/            what is asked and what is known; no torch
      registry        folder -> names; name -> facts (read, not imported); name -> the class
      fingerprint     what of a row's code decides its results
      document        the text of a study file -> plain values
      schema          checks of what a study file says
      stop            signals that ask a process to stop, at once or a moment later
      search          the trials of a row, and their ranges
      described       what a regularizer's file says of itself, in words
      sizes           the sizes of a benchmark's network, and what can be wrong with them
      starts          rows that start from the best model of another row
      variants        what a study changes of a benchmark: name@variant
      axes            values of fields that a study crosses: a variant a point
      listed          rows of a study one by one
      combine         what a study combines of regularizers: name+name
      rows            a study, resolved: its rows, and the files that it has
      study           study YAML -> Study -> rows
      record          what is known of one trained member, and what can be wrong with it
      records         Record <-> JSON lines
      manifest        the signed hashes of a study's files
      facts           what `prepare` wrote of a benchmark's data
      selection       the setting that validation chooses
      protocol        the members that a row asks for, phase by phase
      owner           the one study file that a results folder belongs to
      lock            who is at work on a row or a workflow: held until its process ends
      cluster         jobs that a killed head left in a Slurm queue
      progress        a row's progress line, and its sign of life
      killed          what is told of a process that the system killed
      status          how far a study is
      processes       work shared by processes of this machine
      claims          benchmarks/claims.yaml: what tutorials claim, and the rows that test it
      published       benchmarks/published.yaml: results of papers, read
      regimes         benchmarks/regime.csv, read and written
    kernels/          numbers; knows of no study
      native          what is compiled on first use: the time loop, masks, optimizers, losses
      noise           random numbers as a function of (seed, step, site)
      fused           the time loop of a GPU
      normalise       layer and batch normalisation inside the recurrence
      plain           the time loop that defines the result
      unroll          the time loop: the one that a cell and a device take
    network           the sizes of a model, and the parameters that follow from them
    trace             what goes into a forward pass, and what it computed
    tasks             LanguageModel, Classification, Forecast, Polyphony, Transduction
    regularizers/     one regularizer a file
    nn/               for a model of one's own: torch.nn's recurrent layers with regularizers inside
      graph           a fast loop as a part of somebody else's graph
      loops           the time loop that a module takes
      forms           what torch.nn's modules take and return, packed or not -> steps first
      draws           the masks of one forward pass
      layers          layers and directions
      modules         LSTM, GRU, RNN
      names           parameters of any network, by the names that regularizers read
      seen            what the last pass of a network computed
      clock           draws and progress of a training loop of one's own
      masks           a regularizer's masks in a network: its embeddings, layers and output
      swapped         the weights that a regularizer gives each pass
      regularization  a regularizer at work on a network
      regularize      any regularizer in a training loop of one's own
    data/             from raw files to prepared splits
      transfer        bytes from an address, the hub or a folder: retries, resume
      sources         checked downloads and packaged data
      benchmark       Benchmark, Splits, Model, Budget
      decoding        what turns arrays back into symbols, classes and units
      declared        what a benchmark's file says is complete and possible
      tables          columns of CSV, JSON and Parquet files
      numbers         columns of numbers from CSV files
      sequences       labelled sequences of unequal length -> Splits
      text            vocabularies; texts -> Splits
      pairs           texts, and what is to be written for them -> Splits
      series          columns of numbers -> Splits for forecasting
      timed           rows with times -> rows at equal distances
      given           one file of one's own -> Splits
      naive           scores that need no network
      part            a part of the training split, where one is asked for
      folds           folds of the training split, for cross-validation
      checks          what is true of any prepared benchmark
      prepared        raw files -> arrays and facts, written and read
    training/         from a row to its records
      heads           what stands before and after the layers: a convolution, and heads
      layers          one layer run through time, under the masks of its sites
      decoder         layers that write a sequence for the one that was read
      build           from the sizes of a benchmark, or a study, to the network of a cell
      model           initial weights, forward -> Trace
      batches         per-seed order -> (M, T, B)
      optimizers      Adam and SGD with a member axis
      objectives      training losses beside a task's own
      passes          the gradients of a step, from one forward pass or two
      noisy           the test split with noise in its inputs
      scaling         in which unit members read and predict numbers
      schedules       the learning rate as a share of its first value
      start           what is taken of another row's weights, and what is trained when
      setting         what a row fixes for its members, resolved and checked
      snapshot        groups of tensors in one mapping, and back
      tensors         tensors by name in one file: safetensors
      curves          what the checks have seen of a population
      population      M members trained side by side, step by step: the page to read first
      capture         the same on a GPU: steps recorded once and replayed
      checkpoint      a population in the middle of its training, in a file
      distance        how far back the gradient of a trained model reaches
      devices         the members of a phase over several processes or devices
      row             train(row): tune, evaluate -> records
      rates           the learning-rate range test
      regime          whether a benchmark over-fits without regularization
      estimate        what a study will cost on this machine
    models/           a trained model in a file, and what it says of new data
      model           a trained network as a torch module
      predict         forecasts, classes, how a text goes on
      file            weights as safetensors, all else as JSON; load
      keep            which member of a row is kept
      start           the weights of a kept model that another row starts from
      command         `rnnreg predict`
    analysis/         from records to tables, figures and prose; no torch
      collect, families, results, tables, words, pandoc, explain
      statistics/     results -> tables of numbers
      figures/        one function a figure
      report/         tables to be read, prose, HTML and PDF
    trying/           `rnnreg try`: a file of one's own
      understood      what a file was found to be; the benchmark written of it
      delimited       how the cells of a text file are told apart
      simple          what one would try first, without a network
      series          what is to be forecast of a table of numbers
      texts           what is to be classified of labelled texts
      language        what is to be predicted of a text
      place           the folder of a trial, with a registry of its own
      sizing          a network that can over-fit
      workers         members trained in several processes
      rounds          the search
      measure         scores in the unit of the data; what a regularizer gains
      answer          the answer in sentences
      trial           all of it, from a file to its answer
      pictures        the figures of the report
      page            the report, on two pages
      save            a trial as a benchmark and a study
      command         its options, and what it prints
    device            --device, --devices and --threads: what torch computes on
    listing           `rnnreg list`
    train             `rnnreg train` and `rnnreg retry`
    finding           `rnnreg find-rate`: its options, and what it says
    new               `rnnreg new`: a commented file to start from
    cli               the command line
"""


def __getattr__(name: str):
    """rnnreg.nn, regularize and load, imported where they are used: the rest needs no torch."""
    if name == "nn":
        import rnnreg.nn

        return rnnreg.nn
    if name == "regularize":
        from rnnreg.nn.regularize import regularize

        return regularize
    if name == "load":
        from rnnreg.models.file import load

        return load
    raise AttributeError(f"module 'rnnreg' has no attribute '{name}'")
