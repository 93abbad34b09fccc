-- name: timescale_wanted
-- Loaded by the server, not yet in this database, and no schema of ours here that was made without it.
SELECT 'timescaledb' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))
    AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb' AND installed_version IS NULL)
    AND to_regclass('public.sample') IS NULL;

-- name: create_timescale
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: flavour
SELECT storage_flavour();
