"""Exam questions as text or HTML: numbered questions with options, and their key."""
