-- The regular message that all is quiet: when it is due, what it counts, and when it comes next.

-- name: due
-- Locked until the end of the caller's transaction, so that of two evaluators one alone tells it.
SELECT d.digest_id, d.org_id, d.document, d.next_at, d.last_at, ARRAY(
        SELECT c.channel_id FROM notify_channel AS c
        WHERE c.org_id = d.org_id AND c.removed_at IS NULL
            AND c.slug = ANY (ARRAY(SELECT jsonb_array_elements_text(d.document -> 'channels')))
        ORDER BY c.channel_id
    ) AS channel_ids, clock_timestamp() AS now
FROM notify_digest AS d
WHERE d.next_at <= clock_timestamp() AND d.removed_at IS NULL
    AND EXISTS (SELECT FROM alert_evaluator WHERE term = %(term)s)
ORDER BY d.next_at, d.digest_id
FOR UPDATE OF d SKIP LOCKED

-- name: told
-- The next local time after now: what fell due several times while nobody told it is told once.
UPDATE notify_digest AS d SET last_at = clock_timestamp(), next_at = (
    SELECT min(due.at)
    FROM (
        SELECT (day + (d.document ->> 'at')::time) AT TIME ZONE (d.document ->> 'time_zone') AS at
        FROM generate_series(
            date_trunc(d.document ->> 'every', clock_timestamp() AT TIME ZONE (d.document ->> 'time_zone')),
            (clock_timestamp() AT TIME ZONE (d.document ->> 'time_zone')) + INTERVAL '8 days',
            ('1 ' || (d.document ->> 'every'))::interval) AS day
    ) AS due
    WHERE due.at > clock_timestamp())
WHERE digest_id = %(digest_id)s
RETURNING next_at

-- name: sensors
-- What measures, by site; vitals are not sensors.
SELECT s.name AS site, count(*) FILTER (WHERE state.name = 'live') AS reporting, count(*) AS expected
FROM channel AS c
JOIN sample_group AS g ON g.group_id = c.group_id AND g.retention_class = 'measurements'
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
LEFT JOIN latest AS l ON l.group_id = c.group_id
CROSS JOIN LATERAL channel_state(
    l.times[c.position + 1], l.quality[c.position + 1], g.interval_s, clock_timestamp()) AS state (name)
WHERE c.org_id = %(org_id)s AND c.retired_at IS NULL
GROUP BY s.site_id
ORDER BY s.name, s.site_id

-- name: open
-- What is open, worst first; `together` is how many there are.
SELECT alert_id, rule, rule_name, severity, state, reason, subject, site, place, labels, facts,
    began_at, fired_at, ended_at, channel_id, together
FROM (
    SELECT a.alert_id, r.slug AS rule, coalesce(v.document ->> 'name', r.slug) AS rule_name, a.severity, a.state, a.reason,
        coalesce(p.title || coalesce(', ' || c.title, ', ' || c.key, ''), c.title, c.key, n.slug, s.name, '') AS subject,
        coalesce(s.name, '') AS site, p.title AS place, a.labels, a.facts, a.began_at, a.fired_at, a.ended_at,
        a.channel_id, count(*) OVER () AS together
    FROM alert AS a
    JOIN alert_rule AS r ON r.rule_id = a.rule_id
    LEFT JOIN alert_rule_version AS v ON v.rule_id = a.rule_id AND v.version = a.rule_version
    LEFT JOIN site AS s ON s.site_id = a.site_id
    LEFT JOIN node AS n ON n.node_id = a.node_id
    LEFT JOIN place AS p ON p.place_id = a.place_id
    LEFT JOIN channel AS c ON c.channel_id = a.channel_id
    WHERE a.org_id = %(org_id)s AND a.ended_at IS NULL AND a.fired_at IS NOT NULL
) AS listed
ORDER BY array_position('{critical,warning,info}', severity), alert_id
LIMIT %(most)s

-- name: channels
-- Ways out that fail, and how many messages went out since the digest before, or within a day where there was none.
SELECT
    ARRAY(
        SELECT slug FROM notify_channel
        WHERE org_id = %(org_id)s AND removed_at IS NULL AND failing_since IS NOT NULL ORDER BY slug
    ) AS failing,
    (
        SELECT count(*) FROM notify_outbox
        WHERE org_id = %(org_id)s
            AND delivered_at > coalesce(%(since)s::timestamptz, clock_timestamp() - INTERVAL '1 day')
    ) AS delivered

-- name: stuck
-- How many messages wait for so long that nobody sends: those of channels that are known to fail do not count, nor do
-- those that wait for an earlier one of the same incident.
SELECT count(*)
FROM notify_outbox AS o JOIN notify_channel AS c ON c.channel_id = o.channel_id
WHERE o.state = 'queued' AND o.attempts = 0 AND c.removed_at IS NULL AND c.failing_since IS NULL
    AND greatest(o.due_at, o.enqueued_at) < clock_timestamp() - make_interval(secs => %(after_s)s)
    AND NOT EXISTS (
        SELECT FROM notify_outbox AS before
        WHERE before.incident_id = o.incident_id AND before.channel_id = o.channel_id
            AND before.state IN ('queued', 'sending') AND before.notification_id <> o.notification_id
            AND (before.enqueued_at, before.due_at) < (o.enqueued_at, o.due_at)
    )
