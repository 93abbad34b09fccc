-- name: lock_migrations
SELECT pg_advisory_lock(hashtextextended('siloscope migrations', 0));

-- name: migration_table
SELECT to_regclass('public._yoyo_migration');

-- name: applied
SELECT migration_id FROM public._yoyo_migration;
