"""Training on the data sets: continued pre-training, supervised fine-tuning, GRPO."""
