-- How far the server's write-ahead log has come.

-- name: reached
-- What is on disk, as bytes since the log began: a crash takes nothing of it back.
SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::int8
