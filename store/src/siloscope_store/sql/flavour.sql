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
