"""The mirror: every stored sample once more, in an InfluxDB or anything that speaks its write API."""
