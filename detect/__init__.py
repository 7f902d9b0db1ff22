"""Find marks: tokens, evidence, exact tests, spans, decisions."""
