-- name: timescale_wanted
-- Loaded by the server (its loader alone brings this setting; shared_preload_libraries is not for everybody's eyes), not
-- yet in this database, and no schema of ours here that was made without it.
SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL
    AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb' AND installed_version IS NULL)
    AND to_regclass('public.sample') IS NULL;

-- name: create_timescale
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: flavour
SELECT storage_flavour();

-- name: spans_plain
-- A partition is named for the UTC date on which it begins.
SELECT c.relname, begins, begins + INTERVAL '168 hours', pg_total_relation_size(c.oid), false
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC') AS of_name (begins)
WHERE i.inhparent = %(relation)s::regclass
ORDER BY begins

-- name: spans_timescale
SELECT chunk_name, range_start, range_end, pg_total_relation_size(format('%%I.%%I', chunk_schema, chunk_name)::regclass),
    is_compressed
FROM timescaledb_information.chunks
WHERE hypertable_schema = 'public' AND hypertable_name = %(relation)s
ORDER BY range_start

-- name: lock_parent
LOCK TABLE ONLY public.{relation} IN ACCESS EXCLUSIVE MODE

-- name: lock_partition
LOCK TABLE ONLY public.{span} IN ACCESS EXCLUSIVE MODE

-- name: lock_chunk
LOCK TABLE ONLY _timescaledb_internal.{span} IN ACCESS EXCLUSIVE MODE

-- name: drop_partition
DROP TABLE public.{span}

-- name: drop_chunk
SELECT drop_chunks(%(relation)s::regclass, older_than => %(ends)s::timestamptz, newer_than => %(begins)s::timestamptz)

-- name: compress_chunk
SELECT compress_chunk(format('_timescaledb_internal.%%I', %(span)s::text)::regclass, if_not_compressed => true)
