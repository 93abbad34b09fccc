-- Which ingest workers run: each holds a lock of its name, as long as one of its sessions lasts.

-- name: here
SELECT pg_try_advisory_lock_shared(hashtextextended('siloscope ingest worker ' || %(worker)s, 0))

-- name: is_gone
SELECT pg_try_advisory_lock(hashtextextended('siloscope ingest worker ' || %(worker)s, 0))
