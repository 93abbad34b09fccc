-- name: places
-- With how many channels are placed there now that nobody ever heard of: they count, and they do not report.
SELECT place_id, slug, title, kind, site_id, (
    SELECT count(*) FROM placement AS pl
    WHERE pl.place_id = place.place_id AND pl.during @> %(now)s::timestamptz
        AND NOT EXISTS (
            SELECT FROM device AS d JOIN channel AS c ON c.device_id = d.device_id AND c.retired_at IS NULL
            WHERE d.node_id = pl.node_id AND d.slug = pl.device AND c.key = pl.channel)) AS unheard
FROM place
WHERE org_id = %(org_id)s
    AND (%(site_id)s::int4 IS NULL OR site_id = %(site_id)s)
    AND (%(place_id)s::int4 IS NULL OR place_id = %(place_id)s)
ORDER BY site_id, kind, slug, place_id;

-- name: quantities
-- Per place and quantity, what stands in the grain apart from what stands elsewhere: how the channels are, and the
-- spread of what the live ones read. A level of a cable is in the grain; the air above it is not.
SELECT
    pl.place_id, c.quantity, c.unit, spot.in_grain,
    count(*) AS channels,
    count(*) FILTER (WHERE state.name = 'live') AS reporting,
    count(*) FILTER (WHERE state.name = 'stale') AS stale,
    count(*) FILTER (WHERE state.name = 'bad') AS bad,
    min(l."values"[c.position + 1]) FILTER (WHERE state.name = 'live') AS least,
    avg(l."values"[c.position + 1]) FILTER (WHERE state.name = 'live') AS mean,
    max(l."values"[c.position + 1]) FILTER (WHERE state.name = 'live') AS most
FROM placement AS pl
JOIN device AS d ON d.node_id = pl.node_id AND d.slug = pl.device
JOIN channel AS c ON c.device_id = d.device_id AND c.key = pl.channel AND c.retired_at IS NULL
JOIN sample_group AS g ON g.group_id = c.group_id
JOIN place AS p ON p.place_id = pl.place_id
LEFT JOIN latest AS l ON l.group_id = c.group_id
CROSS JOIN LATERAL channel_state(
    l.times[c.position + 1], l.quality[c.position + 1], g.interval_s, %(now)s::timestamptz) AS state (name)
CROSS JOIN LATERAL (SELECT pl.cable IS NOT NULL AND pl.level IS NOT NULL) AS spot (in_grain)
WHERE pl.org_id = %(org_id)s
    AND pl.during @> %(now)s::timestamptz
    AND (%(site_id)s::int4 IS NULL OR p.site_id = %(site_id)s)
    AND (%(place_id)s::int4 IS NULL OR pl.place_id = %(place_id)s)
GROUP BY pl.place_id, c.quantity, c.unit, spot.in_grain
ORDER BY pl.place_id, c.quantity;
