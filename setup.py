"""What pyproject.toml cannot say: a wheel carries benchmarks, studies, the report and the flow."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CARRIED = (  # in the wheel they lie under rnnreg/shipped, where rnnreg/study/registry.py looks
    "Snakefile", "benchmarks/*.*", "benchmarks/studies/**/*", "benchmarks/speed/results/*/cost.csv",
    "benchmarks/speed/results/*/machine.txt", "report/*.*", "results/published/*/across.csv",
)  # fmt: skip


class BuildWhole(build_py):
    """The package, and beside its modules what a checkout has around them."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # then the checkout itself is there
            return
        for file in (f for pattern in CARRIED for f in sorted(ROOT.glob(pattern)) if f.is_file()):
            target = Path(self.build_lib, "rnnreg", "shipped", file.relative_to(ROOT))
            self.mkpath(str(target.parent))
            self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildWhole})
