-- What retention did: its last run, and what each run let go.

-- name: note_run
INSERT INTO retention_run (ran_at, archiving) VALUES (%(at)s, %(archiving)s)
ON CONFLICT (singleton) DO UPDATE SET ran_at = excluded.ran_at, archiving = excluded.archiving

-- name: last_run
SELECT ran_at, archiving FROM retention_run

-- name: note_loss
-- A run comes by the same site and level many times, once a span or a group and day: one line for all of it.
INSERT INTO retention_loss AS l
    (org_id, gone_at, site_id, retention_class, level, rows, size_bytes, first_time, last_time, archived)
SELECT %(org_id)s, %(at)s, %(site_id)s, %(retention_class)s, %(level)s, %(rows)s, %(size_bytes)s, %(first)s, %(last)s,
    %(level)s = 'raw' AND coalesce((SELECT required FROM archive_policy WHERE org_id = %(org_id)s), true)
ON CONFLICT (org_id, gone_at, site_id, retention_class, level) DO UPDATE
SET rows = l.rows + excluded.rows, size_bytes = l.size_bytes + excluded.size_bytes,
    first_time = least(l.first_time, excluded.first_time), last_time = greatest(l.last_time, excluded.last_time),
    archived = l.archived AND excluded.archived

-- name: losses
SELECT l.loss_id, l.gone_at, l.retention_class, l.level, l.site_id, s.slug AS site, s.name AS site_name, l.rows,
    l.size_bytes, l.first_time, l.last_time, l.archived
FROM retention_loss AS l LEFT JOIN site AS s ON s.site_id = l.site_id
WHERE l.org_id = %(org_id)s AND (%(below)s::int8 IS NULL OR l.loss_id < %(below)s)
ORDER BY l.loss_id DESC LIMIT %(limit)s
