"""--device, --devices and --threads of a command: what torch computes on."""

import argparse
import os

from rnnreg.errors import UserError


def device(given: argparse.Namespace) -> str:
    """The device of --device, with torch set up for so many threads; UserError where it is none."""
    import torch

    from rnnreg.kernels.native.build import keep_freed_memory

    keep_freed_memory()
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)  # denormal numbers slow a CPU down many times
    torch.backends.cudnn.allow_tf32 = False  # true float32 unless somebody says otherwise
    # A cell's step is one kernel: a pool of compilers in each process would have nothing to do.
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if given.device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if given.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {given.device}: this torch sees no GPU; use --device cpu.")
    if given.device.startswith("cuda:"):
        count = torch.cuda.device_count()
        if given.device not in (known := [f"cuda:{i}" for i in range(count)]):
            raise UserError(f"--device {given.device}: this torch sees {', '.join(known)} alone.")
        torch.cuda.set_device(given.device)  # recordings are of the current one
    return given.device


def devices(given: argparse.Namespace) -> tuple[str, ...]:
    """The devices of --devices, as torch names them. No GPU is touched: that is for the forks."""
    names = [f"cuda:{d}" if d.isdecimal() else d for d in given.devices.split(",")]
    for option, value in {"--device": given.device != "auto", "--jobs": given.jobs}.items():
        if value:
            raise UserError(
                f"--devices {given.devices}: given beside {option}; rows train one after another, "
                f"each on all of these. Remedy: leave {option} out."
            )
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # a count that starts no CUDA here
    import torch

    known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    for name in names:
        if name not in known:
            raise UserError(
                f"--devices {given.devices}: unknown '{name}'. This torch has {', '.join(known)}; "
                "expected some of them with commas between, GPUs by number or as cuda:0."
            )
    device(argparse.Namespace(device="cpu", threads=given.threads))
    return tuple(names)
