-- What people do about alerts: their columns of `alert` and a line of history, always both. What is so already is no act.

-- name: act
WITH meant AS (
    SELECT alert_id FROM alert
    WHERE alert_id = ANY (%(ids)s::int8[]) AND (%(org_id)s::int4 IS NULL OR org_id = %(org_id)s) AND ended_at IS NULL
    ORDER BY alert_id  -- two who act at once take the locks in one order
    FOR UPDATE
), changed AS (
    UPDATE alert AS a SET
        acknowledged_at = CASE %(kind)s::text WHEN 'acknowledge' THEN now() WHEN 'unacknowledge' THEN NULL
            ELSE a.acknowledged_at END,
        acknowledged_by = CASE %(kind)s::text WHEN 'acknowledge' THEN %(actor)s::text WHEN 'unacknowledge' THEN NULL
            ELSE a.acknowledged_by END,
        assigned_to = CASE %(kind)s::text WHEN 'assign' THEN nullif(%(body)s::text, '') ELSE a.assigned_to END,
        snoozed_until = CASE %(kind)s::text WHEN 'snooze' THEN %(until)s::timestamptz WHEN 'unsnooze' THEN NULL
            ELSE a.snoozed_until END
    FROM meant
    WHERE a.alert_id = meant.alert_id AND CASE %(kind)s::text
        WHEN 'acknowledge' THEN a.acknowledged_at IS NULL
        WHEN 'unacknowledge' THEN a.acknowledged_at IS NOT NULL
        WHEN 'assign' THEN a.assigned_to IS DISTINCT FROM nullif(%(body)s::text, '')
        WHEN 'snooze' THEN a.snoozed_until IS DISTINCT FROM %(until)s::timestamptz
        WHEN 'unsnooze' THEN a.snoozed_until IS NOT NULL
        ELSE false END
    RETURNING a.alert_id, a.org_id
)
INSERT INTO alert_action (org_id, alert_id, kind, actor, via, body, until)
SELECT org_id, alert_id, %(kind)s, %(actor)s, %(via)s, %(body)s, %(until)s FROM changed
RETURNING alert_id

-- name: comment
-- A comment may come when all is over.
INSERT INTO alert_action (org_id, alert_id, kind, actor, via, body)
SELECT org_id, alert_id, 'comment', %(actor)s, %(via)s, %(body)s
FROM alert
WHERE alert_id = ANY (%(ids)s::int8[]) AND (%(org_id)s::int4 IS NULL OR org_id = %(org_id)s)
RETURNING alert_id

-- name: told_with
-- What one message told of: the alert itself, and what had fired for the same cause when the message was made. That is
-- told in whole seconds, and the transitions that a message is about bear its own instant: so the whole second counts.
SELECT a.alert_id
FROM alert AS meant
JOIN alert AS a ON a.alert_id = meant.alert_id
    OR (a.incident_id = meant.incident_id AND a.ended_at IS NULL AND EXISTS (
        SELECT FROM alert_transition AS t
        WHERE t.alert_id = a.alert_id AND t.to_state = 'firing' AND t.at < %(told_at)s::timestamptz + INTERVAL '1 second'))
WHERE meant.alert_id = %(alert_id)s
ORDER BY a.alert_id

-- name: summary
SELECT a.alert_id, a.org_id, o.slug AS organisation, v.document ->> 'name' AS rule_name, s.name AS site,
    p.title AS place, a.state, a.ended_at, a.acknowledged_at, a.acknowledged_by, a.snoozed_until
FROM alert AS a
JOIN organisation AS o ON o.org_id = a.org_id
JOIN alert_rule_version AS v ON v.rule_id = a.rule_id AND v.version = a.rule_version
LEFT JOIN site AS s ON s.site_id = a.site_id
LEFT JOIN place AS p ON p.place_id = a.place_id
WHERE a.alert_id = %(alert_id)s

-- name: link_key
SELECT link_key FROM alert_evaluator
