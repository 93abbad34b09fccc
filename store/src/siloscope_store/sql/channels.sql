-- name: channels
-- Active channels with their newest reading and today's place, in the order of `channels.py`. A NULL filter means any.
-- The page is found first: ten tables in one join take the planner 8 ms, and newest readings are looked up for it only.
WITH page AS (
    SELECT
        c.channel_id, c.group_id, c.position, c.key, c.title, c.quantity, c.unit, c.resolution,
        d.device_id, d.slug AS device_slug, d.title AS device_title,
        n.node_id, n.slug AS node_slug,
        s.site_id, s.slug AS site_slug, s.name AS site_name, s.time_zone,
        p.place_id, p.slug AS place_slug, p.title AS place_title, p.kind AS place_kind, pl.cable, pl.level, pl.spot
    FROM channel AS c
    JOIN device AS d ON d.device_id = c.device_id
    JOIN node AS n ON n.node_id = d.node_id
    JOIN site AS s ON s.site_id = n.site_id
    LEFT JOIN placement AS pl
        ON pl.node_id = n.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> %(now)s::timestamptz
    LEFT JOIN place AS p ON p.place_id = pl.place_id
    WHERE c.org_id = %(org_id)s
        AND c.retired_at IS NULL
        AND c.channel_id > %(after)s
        AND (%(channel_id)s::int4 IS NULL OR c.channel_id = %(channel_id)s)
        AND (%(device_id)s::int4 IS NULL OR c.device_id = %(device_id)s)
        AND (%(site_id)s::int4 IS NULL OR n.site_id = %(site_id)s)
        AND (%(place_id)s::int4 IS NULL OR pl.place_id = %(place_id)s)
        AND (%(quantity)s::text IS NULL OR c.quantity = %(quantity)s)
        AND (
            %(search)s::text IS NULL
            OR strpos(
                lower(concat_ws(' ', c.key, c.title, c.quantity, d.slug, d.title, p.slug, p.title, s.slug, s.name)),
                lower(%(search)s)
            ) > 0
        )
    ORDER BY c.channel_id
    LIMIT %(limit)s
)
SELECT
    page.channel_id, page.key, page.title, page.quantity, page.unit, page.resolution,
    g.interval_s, g.retention_class, e.offset_s,
    page.device_id, page.device_slug, page.device_title,
    page.node_id, page.node_slug,
    page.site_id, page.site_slug, page.site_name, page.time_zone,
    page.place_id, page.place_slug, page.place_title, page.place_kind, page.cable, page.level, page.spot,
    l.times[page.position + 1],
    l."values"[page.position + 1],
    coalesce(l.quality[page.position + 1], 0),
    channel_state(l.times[page.position + 1], l.quality[page.position + 1], g.interval_s, %(now)s::timestamptz)
FROM page
JOIN sample_group AS g ON g.group_id = page.group_id
LEFT JOIN latest AS l ON l.group_id = page.group_id
LEFT JOIN node_clock_event AS e ON e.node_id = page.node_id AND e.kind = 'ahead' AND e.until IS NULL
ORDER BY page.channel_id;
