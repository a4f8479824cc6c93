"""Pictures of many pixels in few bytes, many at once, take bounded memory."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import io, sys, threading
from PIL import Image
from vision_deepresearch.core.geometry import Box
from vision_deepresearch.media.crop import cut
from vision_deepresearch.media.store import clean

def peak_mb():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024

mode, fmt = sys.argv[1:3]
output = io.BytesIO()
Image.new(mode, (4000, 3000)).save(output, fmt)
data = output.getvalue()
print(len(data))
threads = [threading.Thread(target=clean, args=(data,)) for _ in range(4)]
threads += [threading.Thread(target=cut, args=(data, Box.full())) for _ in range(2)]
before = peak_mb()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(peak_mb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    ("mode", "fmt", "most_mb"),
    # Taking turns they take 180 and 260 MB; all at once in Pillow's usual blocks 480 and 1,300.
    [("RGB", "PNG", 330), ("RGBA", "PNG", 700)],
)
def test_large_pictures_take_turns(mode: str, fmt: str, most_mb: int) -> None:
    program = [sys.executable, "-c", PROGRAM, mode, fmt]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=60)
    num_bytes, taken_mb = (int(line) for line in done.stdout.split())
    assert num_bytes < 500_000
    assert taken_mb < most_mb
