-- name: sites
-- Channels that are placed somewhere and that nobody ever heard of count too, and do not report.
WITH counted AS (
    SELECT
        n.site_id,
        count(*) AS channels,
        count(*) FILTER (WHERE state.name = 'live') AS reporting,
        count(*) FILTER (WHERE state.name = 'stale') AS stale,
        count(*) FILTER (WHERE state.name = 'bad') AS bad
    FROM channel AS c
    JOIN sample_group AS g ON g.group_id = c.group_id
    JOIN device AS d ON d.device_id = c.device_id
    JOIN node AS n ON n.node_id = d.node_id
    LEFT JOIN latest AS l ON l.group_id = c.group_id
    CROSS JOIN LATERAL channel_state(
        l.times[c.position + 1], l.quality[c.position + 1], g.interval_s, %(now)s::timestamptz) AS state (name)
    WHERE c.org_id = %(org_id)s AND c.retired_at IS NULL
    GROUP BY n.site_id
), unheard AS (
    SELECT n.site_id, count(*) AS channels
    FROM placement AS pl
    JOIN node AS n ON n.node_id = pl.node_id
    WHERE pl.org_id = %(org_id)s AND pl.during @> %(now)s::timestamptz
        AND NOT EXISTS (
            SELECT FROM device AS d JOIN channel AS c ON c.device_id = d.device_id AND c.retired_at IS NULL
            WHERE d.node_id = pl.node_id AND d.slug = pl.device AND c.key = pl.channel)
    GROUP BY n.site_id
)
SELECT
    s.site_id AS id, s.slug, s.name, s.time_zone, s.latitude, s.longitude,
    (SELECT count(*) FROM place AS p WHERE p.site_id = s.site_id) AS places,
    coalesce(t.channels, 0) + coalesce(u.channels, 0) AS channels, coalesce(t.reporting, 0) AS reporting,
    coalesce(t.stale, 0) AS stale, coalesce(t.bad, 0) AS bad
FROM site AS s
LEFT JOIN counted AS t ON t.site_id = s.site_id
LEFT JOIN unheard AS u ON u.site_id = s.site_id
WHERE s.org_id = %(org_id)s AND (%(site_id)s::int4 IS NULL OR s.site_id = %(site_id)s)
ORDER BY s.name, s.site_id;

-- name: nodes
-- A clock that is ahead is so until it is not; of steps and drifts the newest tells, for a week.
SELECT n.site_id, n.node_id, n.slug, n.state, greatest(n.last_pack_at, n.last_heartbeat_at) AS last_seen_at,
    coalesce(a.kind, m.kind) AS clock_kind, coalesce(a.offset_s, m.offset_s) AS clock_offset_s,
    coalesce(a.since, m.since) AS clock_since
FROM node AS n
LEFT JOIN node_clock_event AS a ON a.node_id = n.node_id AND a.kind = 'ahead' AND a.until IS NULL
LEFT JOIN LATERAL (
    SELECT e.kind, e.offset_s, e.since FROM node_clock_event AS e
    WHERE e.org_id = n.org_id AND e.node_id = n.node_id AND e.kind <> 'ahead'
    ORDER BY e.event_id DESC LIMIT 1
) AS m ON abs(m.offset_s) >= 60 AND m.since > %(now)s::timestamptz - INTERVAL '7 days'
WHERE n.org_id = %(org_id)s AND (%(site_id)s::int4 IS NULL OR n.site_id = %(site_id)s)
ORDER BY n.slug, n.node_id;

-- name: devices
SELECT
    d.device_id AS id, d.slug, d.title, d.profile, d.attributes, n.node_id, n.slug AS node_slug, n.site_id,
    (SELECT count(*) FROM channel AS c WHERE c.device_id = d.device_id AND c.retired_at IS NULL) AS channels
FROM device AS d
JOIN node AS n ON n.node_id = d.node_id
WHERE d.org_id = %(org_id)s AND (%(site_id)s::int4 IS NULL OR n.site_id = %(site_id)s)
ORDER BY n.slug, d.slug, d.device_id;
