"""`python -m vision_deepresearch.sandbox.inside KIND`: a zygote for a supervisor elsewhere.

It speaks over standard input and output, so whatever starts a program with these streams attached
can carry it: `docker run -i --rm --network none IMAGE python -m ...`, `ssh HOST ...`.
"""

import contextlib
import sys
import sysconfig
import tempfile

from vision_deepresearch.sandbox.inside import sweep
from vision_deepresearch.sandbox.inside.channel import Channel
from vision_deepresearch.sandbox.inside.zygote import serve

if __name__ == "__main__":
    scratch = tempfile.mkdtemp(prefix="vdr-sandbox-")
    try:
        serve(
            Channel.over_standard_streams(),
            kind=sys.argv[1],
            scratch=scratch,
            site=sysconfig.get_paths()["purelib"],
        )
    finally:
        with contextlib.suppress(OSError):
            sweep.remove(scratch)
