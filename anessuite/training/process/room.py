"""Whether a stage fits into memory, before it runs out."""

from anessuite.training.jobs import Job


def check_room(job: Job) -> None:
    """Raise ConfigError, with the parts, if the stage needs more memory than there is."""
