"""The Siloscope agent on the small computer of a site."""
