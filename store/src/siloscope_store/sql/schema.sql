-- name: lock_migrations
SELECT pg_advisory_lock(hashtextextended('siloscope migrations', 0));

-- name: migration_table
SELECT to_regclass('public._yoyo_migration');

-- name: applied
SELECT migration_id FROM public._yoyo_migration;

-- name: wait_briefly
-- For a lock, within this transaction: much less than the second after which the server looks for deadlocks, so that it
-- is the migration that gives way, and never a worker.
SET LOCAL lock_timeout = '200ms'

-- name: wait_for_a_vacuum
-- For a lock, within this transaction: a little longer than the time after which the server looks who is in the way.
SELECT set_config('lock_timeout', (setting::int4 + 500)::text, TRUE) FROM pg_settings WHERE name = 'deadlock_timeout'
