DROP TABLE latest;
DROP FUNCTION ensure_partitions(text, timestamptz[]);
DROP FUNCTION missing_spans(text, timestamptz[]);
DROP FUNCTION span_start(timestamptz);
DROP TABLE sample_vitals;
DROP TABLE sample;
DROP FUNCTION create_sample_table(text);
DROP FUNCTION storage_flavour();
