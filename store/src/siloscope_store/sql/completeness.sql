-- What is missing of an organisation, for the API. A NULL filter means any.

-- name: groups
SELECT g.group_id, g.key AS group_key, g.interval_s, d.device_id, d.slug AS device_slug, d.title AS device_title,
    n.node_id, n.slug AS node_slug, s.site_id, s.slug AS site_slug, s.time_zone,
    coalesce((
        SELECT jsonb_agg(DISTINCT jsonb_build_object('id', p.place_id, 'slug', p.slug, 'title', p.title, 'kind', p.kind))
        FROM channel AS c
        JOIN placement AS pl ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> %(now)s::timestamptz
        JOIN place AS p ON p.place_id = pl.place_id
        WHERE c.group_id = g.group_id AND c.retired_at IS NULL
    ), '[]') AS places
FROM sample_group AS g
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
WHERE g.org_id = %(org_id)s AND g.group_id > %(after)s
    AND (%(site_id)s::int4 IS NULL OR n.site_id = %(site_id)s)
    AND (%(device_id)s::int4 IS NULL OR d.device_id = %(device_id)s)
    AND (%(channel_id)s::int4 IS NULL OR EXISTS (
        SELECT FROM channel AS c WHERE c.channel_id = %(channel_id)s AND c.group_id = g.group_id))
    AND (%(place_id)s::int4 IS NULL OR EXISTS (
        SELECT FROM channel AS c
        JOIN placement AS pl ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key
        WHERE c.group_id = g.group_id AND pl.place_id = %(place_id)s))
ORDER BY g.group_id
LIMIT %(limit)s

-- name: days
SELECT group_id, day, expected, stored, surplus, late, agent_off, bus_error, evicted, thinned, refused, undated, on_its_way,
    no_word, unexplained, conflicts, counts, reasons
FROM completeness_of(%(group_ids)s::int4[], %(from_day)s, %(to_day)s, %(now)s)
ORDER BY group_id, day

-- name: channels
SELECT c.channel_id, c.group_id, c.key, c.title, c.quantity, c.unit, c.position,
    (c.created_at AT TIME ZONE s.time_zone)::date AS since, (c.retired_at AT TIME ZONE s.time_zone)::date AS until
FROM channel AS c
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
WHERE c.group_id = ANY (%(group_ids)s::int4[]) AND (%(channel_id)s::int4 IS NULL OR c.channel_id = %(channel_id)s)
    AND (%(place_id)s::int4 IS NULL OR EXISTS (
        SELECT FROM placement AS pl
        WHERE pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.place_id = %(place_id)s))
ORDER BY c.group_id, c.position

-- name: channel_conflicts
SELECT x.group_id, x.position, (x."time" AT TIME ZONE s.time_zone)::date AS day, count(*)
FROM sample_conflict AS x
JOIN sample_group AS g ON g.group_id = x.group_id
JOIN device AS d ON d.device_id = g.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
WHERE x.group_id = ANY (%(group_ids)s::int4[])
    AND x."time" >= %(from_day)s::date - 1 AND x."time" < %(to_day)s::date + 2
GROUP BY x.group_id, x.position, day

-- name: gaps
SELECT m.group_id, m.cause, m.first_at, m.last_at, m.step_s, m.missing
FROM (
    SELECT x.*, x.first_at + make_interval(secs => (x.missing - 1) * x.step_s) AS last_at
    FROM missing_samples(%(group_ids)s::int4[], %(begins)s, %(ends)s, %(now)s) AS x
) AS m
WHERE (%(before)s::timestamptz IS NULL OR (m.first_at, m.group_id, m.cause) < (%(before)s, %(before_group)s, %(before_cause)s))
    AND (%(cause)s::text IS NULL OR m.cause = %(cause)s)
ORDER BY m.first_at DESC, m.group_id DESC, m.cause DESC
LIMIT %(limit)s

-- name: conflicts
SELECT x.conflict_id, c.channel_id, c.key AS channel_key, c.title AS channel_title, c.quantity, c.unit,
    d.device_id, d.slug AS device_slug, d.title AS device_title, x."time",
    x.kept_value, x.kept_quality, replace(x.kept_epoch::text, '-', '') AS kept_epoch, x.kept_seq,
    x.other_value, x.other_quality, replace(x.other_epoch::text, '-', '') AS other_epoch, x.other_seq, x.at
FROM sample_conflict AS x
JOIN channel AS c ON c.group_id = x.group_id AND c.position = x.position
JOIN device AS d ON d.device_id = c.device_id
WHERE x.group_id = ANY (%(group_ids)s::int4[]) AND x."time" >= %(begins)s AND x."time" < %(ends)s
    AND (%(channel_id)s::int4 IS NULL OR c.channel_id = %(channel_id)s)
    AND (%(before_id)s::int8 IS NULL OR x.conflict_id < %(before_id)s)
ORDER BY x.conflict_id DESC
LIMIT %(limit)s
