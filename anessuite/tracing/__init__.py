"""The history of one row of a version: where it comes from, what judged it, why it stayed or went."""
