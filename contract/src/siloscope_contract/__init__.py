"""What two Siloscope processes must agree on: topics, packs, units, quality, errors."""
