-- The ways out, as senders need them: with their secrets. What people edit is in notify_documents.sql.

-- name: due
-- Channels that have something to send now, or to sum up.
SELECT c.channel_id, c.org_id, c.slug, c.kind, c.document, c.secrets
FROM notify_channel AS c
WHERE c.removed_at IS NULL
    AND (
        EXISTS (
            SELECT FROM notify_outbox AS o
            WHERE o.channel_id = c.channel_id
                AND (
                    o.state = 'sending' AND o.claimed_term < %(term)s
                    OR o.state = 'queued' AND o.due_at <= clock_timestamp()
                )
        )
        OR (c.progress ->> 'held_since')::timestamptz < clock_timestamp() - make_interval(secs => %(summarise_after_s)s)
    )
ORDER BY c.channel_id

-- name: others
-- Whom to tell that a channel fails: the other channels of a route's ladder; where that has none, all others.
WITH named AS (
    SELECT DISTINCT c.channel_id
    FROM notify_route AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.document -> 'steps') AS s (step)
    CROSS JOIN LATERAL jsonb_array_elements_text(s.step -> 'channels') AS n (slug)
    JOIN notify_channel AS c ON c.org_id = r.org_id AND c.slug = n.slug AND c.removed_at IS NULL
    WHERE r.route_id = %(route_id)s AND c.failing_since IS NULL AND c.channel_id <> %(channel_id)s
)
SELECT channel_id FROM named
UNION ALL
SELECT channel_id FROM notify_channel
WHERE org_id = %(org_id)s AND removed_at IS NULL AND failing_since IS NULL AND channel_id <> %(channel_id)s
    AND NOT EXISTS (SELECT FROM named)
ORDER BY 1

-- name: link_key
SELECT link_key FROM alert_evaluator
