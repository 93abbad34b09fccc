-- Alerts as people see them. An alert that was only pending is listed while it is open, or where its state is asked for.

-- name: page
SELECT a.alert_id
FROM alert AS a
WHERE a.org_id = %(org_id)s
    AND (%(state)s::text IS NULL OR a.state = %(state)s)
    AND (%(state)s::text IS NOT NULL OR a.fired_at IS NOT NULL OR a.retrospective OR a.ended_at IS NULL)
    AND (%(closed_only)s::bool IS NOT TRUE OR a.ended_at IS NOT NULL)
    AND (%(severity)s::text IS NULL OR a.severity = %(severity)s)
    AND (%(site_id)s::int4 IS NULL OR a.site_id = %(site_id)s)
    AND (%(place_id)s::int4 IS NULL OR a.place_id = %(place_id)s)
    AND (%(channel_id)s::int4 IS NULL OR a.channel_id = %(channel_id)s)
    AND (%(rule)s::text IS NULL OR a.rule_id = (
        SELECT r.rule_id FROM alert_rule AS r WHERE r.org_id = %(org_id)s AND r.slug = %(rule)s))
    AND (%(below)s::int8 IS NULL OR a.alert_id < %(below)s)
ORDER BY a.alert_id DESC
LIMIT %(limit)s

-- name: page_open
-- The same of what is open, by the index of just that: a history of years is not read for it.
SELECT a.alert_id
FROM alert AS a
WHERE a.org_id = %(org_id)s AND a.ended_at IS NULL
    AND (%(state)s::text IS NULL OR a.state = %(state)s)
    AND (%(severity)s::text IS NULL OR a.severity = %(severity)s)
    AND (%(site_id)s::int4 IS NULL OR a.site_id = %(site_id)s)
    AND (%(place_id)s::int4 IS NULL OR a.place_id = %(place_id)s)
    AND (%(channel_id)s::int4 IS NULL OR a.channel_id = %(channel_id)s)
    AND (%(rule)s::text IS NULL OR a.rule_id = (
        SELECT r.rule_id FROM alert_rule AS r WHERE r.org_id = %(org_id)s AND r.slug = %(rule)s))
    AND (%(below)s::int8 IS NULL OR a.alert_id < %(below)s)
ORDER BY a.alert_id DESC
LIMIT %(limit)s

-- name: alerts
SELECT a.alert_id, r.slug AS rule, v.document ->> 'name' AS rule_name, a.rule_version, a.subject_kind, a.subject_id,
    CASE a.subject_kind
        WHEN 'channel' THEN concat_ws(', ', coalesce(p.title, d.title, d.slug), 'cable ' || pl.cable,
            'level ' || pl.level, pl.spot, CASE WHEN pl.level IS NULL THEN coalesce(c.title, c.key) END)
        WHEN 'place' THEN p.title
        WHEN 'node' THEN n.slug
        WHEN 'site' THEN s.name
        WHEN 'organisation' THEN o.name
        ELSE 'Siloscope'
    END AS subject_title,
    a.severity, a.state, a.reason, a.incident_id, a.retrospective, a.flapping, a.inhibited_by, a.labels, a.facts,
    a.began_at, a.fired_at, a.ended_at, a.changed_at, a.acknowledged_at, a.acknowledged_by, a.assigned_to,
    a.snoozed_until,
    s.site_id, s.slug AS site_slug, s.name AS site_name, s.time_zone,
    n.node_id, n.slug AS node_slug,
    p.place_id, p.slug AS place_slug, p.title AS place_title,
    c.channel_id, c.key AS channel_key, c.title AS channel_title, c.quantity, c.unit,
    v.document
FROM alert AS a
JOIN organisation AS o ON o.org_id = a.org_id
JOIN alert_rule AS r ON r.rule_id = a.rule_id
JOIN alert_rule_version AS v ON v.rule_id = a.rule_id AND v.version = a.rule_version
LEFT JOIN site AS s ON s.site_id = a.site_id
LEFT JOIN node AS n ON n.node_id = a.node_id
LEFT JOIN place AS p ON p.place_id = a.place_id
LEFT JOIN channel AS c ON c.channel_id = a.channel_id
LEFT JOIN device AS d ON d.device_id = c.device_id
LEFT JOIN placement AS pl ON pl.place_id = a.place_id AND pl.node_id = d.node_id AND pl.device = d.slug
    AND pl.channel = c.key AND pl.during @> a.began_at
WHERE a.alert_id = ANY (%(ids)s::int8[]) AND a.org_id = %(org_id)s
ORDER BY a.alert_id DESC

-- name: counts
SELECT
    count(*) FILTER (WHERE fired_at IS NOT NULL) AS open,
    count(*) FILTER (WHERE fired_at IS NOT NULL AND severity = 'critical') AS critical,
    count(*) FILTER (WHERE fired_at IS NOT NULL AND severity = 'warning') AS warning,
    count(*) FILTER (WHERE fired_at IS NOT NULL AND severity = 'info') AS info,
    count(*) FILTER (WHERE fired_at IS NOT NULL AND acknowledged_at IS NULL) AS unacknowledged,
    count(*) FILTER (WHERE fired_at IS NULL) AS pending
FROM alert WHERE org_id = %(org_id)s AND ended_at IS NULL

-- name: transitions
SELECT number, from_state, to_state, reason, event_at, at, facts
FROM alert_transition WHERE alert_id = %(alert_id)s ORDER BY number

-- name: actions
SELECT kind, actor, via, body, until, at FROM alert_action WHERE alert_id = %(alert_id)s ORDER BY action_id

-- name: notifications
SELECT m.notification_id::text AS id, c.slug AS channel, c.kind AS channel_kind, t.slug AS route, m.incident_id,
    m.step, m.kind, m.severity, m.state, m.attempts, m.enqueued_at, m.due_at, m.delivered_at,
    coalesce((SELECT x.detail FROM notify_attempt AS x
        WHERE x.notification_id = m.notification_id AND x.outcome IN ('retry', 'refused')
        ORDER BY x.number DESC LIMIT 1), '') AS detail
FROM notify_outbox AS m
JOIN notify_channel AS c ON c.channel_id = m.channel_id
LEFT JOIN notify_route AS t ON t.route_id = m.route_id
WHERE m.org_id = %(org_id)s
    AND (%(incident_id)s::int8 IS NULL OR m.incident_id = %(incident_id)s)
    AND (%(state)s::text IS NULL OR m.state = %(state)s)
    AND (%(channel)s::text IS NULL OR c.slug = %(channel)s)
    AND (%(before)s::timestamptz IS NULL OR (m.enqueued_at, m.notification_id) < (%(before)s, %(below)s::uuid))
ORDER BY m.enqueued_at DESC, m.notification_id DESC
LIMIT %(limit)s
