"""The web page: built assets, served with the headers that keep it safe."""
