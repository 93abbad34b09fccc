-- Notification channels, routes and digests as people edit them.

-- name: channels
SELECT channel_id, slug, kind, document, ARRAY(SELECT jsonb_object_keys(secrets) ORDER BY 1) AS secrets,
    failing_since, last_delivered_at, changed_at
FROM notify_channel
WHERE org_id = %(org_id)s AND removed_at IS NULL AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY slug

-- name: put_channel
-- One that was removed begins anew: with no secret of before.
INSERT INTO notify_channel AS c (org_id, slug, kind, document, secrets)
VALUES (%(org_id)s, %(slug)s, %(kind)s, %(document)s, coalesce(%(secrets)s::jsonb, '{}'))
ON CONFLICT (org_id, slug) DO UPDATE SET kind = excluded.kind, document = excluded.document,
    secrets = coalesce(%(secrets)s::jsonb, CASE WHEN c.removed_at IS NULL THEN c.secrets ELSE '{}' END),
    progress = CASE WHEN c.kind = excluded.kind THEN c.progress ELSE '{}' END,
    changed_at = clock_timestamp(), removed_at = NULL

-- name: remove_channel
UPDATE notify_channel SET removed_at = clock_timestamp(), changed_at = clock_timestamp(), secrets = '{}'
WHERE org_id = %(org_id)s AND slug = %(slug)s AND removed_at IS NULL

-- name: routes
SELECT slug, place, document, changed_at
FROM notify_route
WHERE org_id = %(org_id)s AND removed_at IS NULL AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY place, slug

-- name: put_route
INSERT INTO notify_route (org_id, slug, place, document)
VALUES (%(org_id)s, %(slug)s, %(place)s, %(document)s)
ON CONFLICT (org_id, slug) DO UPDATE SET place = excluded.place, document = excluded.document,
    changed_at = clock_timestamp(), removed_at = NULL

-- name: remove_route
UPDATE notify_route SET removed_at = clock_timestamp(), changed_at = clock_timestamp()
WHERE org_id = %(org_id)s AND slug = %(slug)s AND removed_at IS NULL

-- name: digests
SELECT slug, document, next_at, last_at
FROM notify_digest
WHERE org_id = %(org_id)s AND removed_at IS NULL AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY slug

-- name: put_digest
-- Weeks begin on Monday. A local time that the clocks skip or repeat is told as the server's rules for time zones do.
INSERT INTO notify_digest (org_id, slug, document, next_at)
SELECT %(org_id)s, %(slug)s, %(document)s, min(due.at)
FROM (
    SELECT (day + %(local)s::time) AT TIME ZONE %(time_zone)s::text AS at
    FROM generate_series(
        date_trunc(%(every)s::text, now() AT TIME ZONE %(time_zone)s::text),
        (now() AT TIME ZONE %(time_zone)s::text) + INTERVAL '8 days',
        ('1 ' || %(every)s::text)::interval) AS day) AS due
WHERE due.at > now()
ON CONFLICT (org_id, slug) DO UPDATE SET document = excluded.document, next_at = excluded.next_at, removed_at = NULL

-- name: remove_digest
UPDATE notify_digest SET removed_at = clock_timestamp()
WHERE org_id = %(org_id)s AND slug = %(slug)s AND removed_at IS NULL

-- name: now
SELECT now()
