"""The Siloscope database: migrations, every SQL statement, pools, hypertables or partitions."""
