-- name: cursor
SELECT pg_current_snapshot()::text;

-- name: changes
-- The new cursor is the snapshot of this very statement, so that nothing falls between two looks.
SELECT
    pg_current_snapshot()::text AS next_cursor,
    x.org_id, x.site_id, x.place_id, x.channel_id, x."time", x.value, x.code
FROM (VALUES (1)) AS always (present)
LEFT JOIN LATERAL (
    SELECT
        c.org_id, n.site_id, pl.place_id, c.channel_id,
        l.times[c.position + 1] AS "time",
        l."values"[c.position + 1] AS value,
        coalesce(l.quality[c.position + 1], 0) AS code
    FROM latest AS l
    JOIN channel AS c ON c.group_id = l.group_id AND c.retired_at IS NULL
    JOIN device AS d ON d.device_id = c.device_id
    JOIN node AS n ON n.node_id = d.node_id
    LEFT JOIN placement AS pl
        ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> %(now)s::timestamptz
    WHERE l.changed_by >= pg_snapshot_xmin(%(cursor)s::pg_snapshot)
        -- A restored dump may hold numbers of transactions that this server has not reached.
        AND l.changed_by < pg_snapshot_xmax(pg_current_snapshot())
        AND NOT pg_visible_in_snapshot(l.changed_by, %(cursor)s::pg_snapshot)
        AND l.times[c.position + 1] IS NOT NULL
        AND (%(org_id)s::int4 IS NULL OR c.org_id = %(org_id)s)
        AND (%(site_id)s::int4 IS NULL OR n.site_id = %(site_id)s)
        AND (%(place_id)s::int4 IS NULL OR pl.place_id = %(place_id)s)
) AS x ON true
ORDER BY x.channel_id;
