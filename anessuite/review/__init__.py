"""People's review of exam questions: what is drawn and handed out, what comes back, and what it settles."""
