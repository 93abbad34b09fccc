"""A seeded campaign of faults on real components, and an auditor who then compares everything with everything."""
