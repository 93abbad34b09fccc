-- What a backup needs of the server, and what happens after one was put back.

-- name: settings
SELECT name, setting FROM pg_settings WHERE name = ANY (%(names)s)

-- name: archiver
SELECT archived_count, last_archived_wal, last_archived_time, failed_count, last_failed_wal, last_failed_time
FROM pg_stat_archiver

-- name: identity
SELECT store_id::text, generation::text, since FROM store_identity

-- name: renew_generation
UPDATE store_identity SET generation = gen_random_uuid(), since = now() RETURNING generation::text
