"""A generated study of full size: 14 benchmarks, 4 cells, 32 regularizers, searched, 6 seeds.

    python tests/fullsize.py FOLDER

writes the study file, prepared facts and all records into FOLDER; there, `rnnreg collect full.yaml`
and what follows take as long as they would for a true study of that size. Minutes, 100 MB.
"""

import os
import sys
from pathlib import Path

import synthetic

from rnnreg.study import registry, study

FILE = """title: A generated study of full size
benchmarks: [{benchmarks}]
cells: [elman_tanh, elman_relu, gru, lstm]
regularizers: [{regularizers}]
seeds: {{evaluation: 6}}
search: {{trials: 8, survivors: 3, seeds: 2}}
"""
REGULARIZERS = 32


def main(folder: Path) -> None:
    """Write everything into a folder."""
    shipped = [n for n in sorted(registry.shipped("regularizer")) if n != "none"]
    names = ["none", *synthetic.NAMES[1:8]]  # the study's question, then the others by name
    names += [n for n in shipped if n not in names][: REGULARIZERS - len(names)]
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    asked = {"benchmarks": synthetic.BENCHMARKS, "regularizers": names}
    text = FILE.format(**{key: ", ".join(value) for key, value in asked.items()})
    Path("full.yaml").write_text(text, encoding="utf-8")
    synthetic.write(Path(), study.read("full.yaml"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
