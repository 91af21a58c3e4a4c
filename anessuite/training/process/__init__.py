"""What runs in a process of its own, by TRL: the only code here that imports torch."""
