"""Loads compiled code when imported: for the process from which workers are forked, and for no other.

No polars here (see ``tasks.workers``), nor a list for pyarrow to convert: it would import pandas, which takes
0.3 s.
"""

import gc

import numpy as np
import pyarrow as pa

from anessuite.normalisation import utf8

_OFFSETS = pa.py_buffer(np.array([0, 4], dtype=np.int64))
list(utf8(pa.LargeStringArray.from_buffers(1, _OFFSETS, pa.py_buffer(b"warm"))))
gc.freeze()  # workers need not look through all that was imported, a tenth of a second each time
