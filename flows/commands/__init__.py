"""The commands of ``anes``; each module is one group. Heavy imports stay inside the commands."""
