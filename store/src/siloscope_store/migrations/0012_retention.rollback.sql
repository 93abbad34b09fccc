DROP FUNCTION raw_is_whole(int4, timestamptz, timestamptz);
DROP TABLE archive_due;
DROP TABLE archive_file;
DROP TABLE raw_restored;
DROP TABLE raw_horizon;
DROP TABLE archive_policy;
DROP TABLE retention;
DROP FUNCTION retention_defaults();
