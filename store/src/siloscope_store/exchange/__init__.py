"""Files in and out: CSV, Parquet and InfluxDB line protocol come in; CSV, Parquet and XLSX go out."""
