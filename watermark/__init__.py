"""Make marks: keys, profiles, the hash contract, schemes, generation."""
