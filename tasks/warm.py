"""Loads compiled code when imported: for the process from which workers are forked, and for no other."""

import pyarrow as pa

from anessuite.normalisation import utf8

list(utf8(pa.array(["warm"], pa.large_string())))
