"""A finished version in an S3 bucket: what is sent, how, and whether it arrived."""
