"""Documents in bulk: read them, read prompts, and write results so that a killed run can go on."""
