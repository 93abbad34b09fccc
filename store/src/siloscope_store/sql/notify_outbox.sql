-- Messages that wait, are on their way, or went out; every attempt is a row.

-- name: enqueue
INSERT INTO notify_outbox
    (notification_id, dedup_key, org_id, channel_id, incident_id, route_id, step, kind, severity, due_at, payload)
SELECT * FROM unnest(
    %(notification_ids)s::uuid[], %(dedup_keys)s::text[], %(org_ids)s::int4[], %(channel_ids)s::int4[],
    %(incident_ids)s::int8[], %(route_ids)s::int4[], %(steps)s::int4[], %(kinds)s::text[], %(severities)s::text[],
    %(due_ats)s::timestamptz[], %(payloads)s::jsonb[]
)
ON CONFLICT (dedup_key) DO NOTHING
RETURNING notification_id

-- name: lightly
-- A claim need not wait for the disk: should the server lose it, the message is in the queue again, as after a kill.
SET LOCAL synchronous_commit = off

-- name: claim
-- One message of a channel, and the row of its attempt. One whose sender was killed comes first; then critical ones.
-- What follows an earlier message of the same incident waits for it, but not for one that waits for quiet hours to end.
-- OFFSET 0 and CASE: what may follow what is asked of the first in order alone, not of a thousand that wait.
WITH next AS MATERIALIZED (
    SELECT o.notification_id
    FROM (
        SELECT notification_id, incident_id, enqueued_at, due_at
        FROM notify_outbox
        WHERE channel_id = %(channel_id)s
            AND (state = 'sending' AND claimed_term < %(term)s OR state = 'queued' AND due_at <= clock_timestamp())
        ORDER BY state = 'sending' DESC, severity = 'critical' DESC, due_at, enqueued_at
        OFFSET 0
    ) AS o
    WHERE CASE WHEN o.incident_id IS NULL THEN true ELSE NOT EXISTS (
        SELECT FROM notify_outbox AS before
        WHERE before.incident_id = o.incident_id AND before.channel_id = %(channel_id)s
            AND before.state IN ('queued', 'sending') AND before.notification_id <> o.notification_id
            AND (before.enqueued_at, before.due_at) < (o.enqueued_at, o.due_at)
            AND (before.attempts > 0 OR before.due_at <= clock_timestamp())
    ) END
    LIMIT 1
), claimed AS (
    UPDATE notify_outbox AS o SET state = 'sending', claimed_term = %(term)s, attempts = o.attempts + 1
    FROM next
    WHERE o.notification_id = next.notification_id
        AND (o.state = 'queued' OR o.state = 'sending' AND o.claimed_term < %(term)s)
        AND EXISTS (SELECT FROM alert_evaluator WHERE term = %(term)s)
    RETURNING o.*
), attempted AS (
    INSERT INTO notify_attempt (notification_id, number)
    SELECT notification_id, attempts FROM claimed
)
SELECT notification_id, attempts AS number, org_id, channel_id, incident_id, route_id, step, kind, severity, payload,
    enqueued_at, extract(epoch FROM clock_timestamp() - enqueued_at)::float8 AS age_s
FROM claimed

-- name: release
-- What this term claimed and no task knows of: the answer to its claim, or to its record, was lost.
UPDATE notify_outbox SET state = 'queued', claimed_term = NULL, due_at = clock_timestamp()
WHERE channel_id = %(channel_id)s AND state = 'sending' AND claimed_term = %(term)s

-- name: record
-- How an attempt ended. No row comes back where a later term has taken the message over meanwhile.
WITH ended AS (
    UPDATE notify_outbox SET
        state = %(state)s, claimed_term = NULL,
        due_at = clock_timestamp() + make_interval(secs => %(retry_in_s)s),
        delivered_at = CASE WHEN %(state)s = 'delivered' THEN clock_timestamp() END
    WHERE notification_id = %(notification_id)s AND state = 'sending' AND claimed_term = %(term)s
    RETURNING notification_id, channel_id
), attempted AS (
    UPDATE notify_attempt AS a SET ended_at = clock_timestamp(), outcome = %(outcome)s, detail = %(detail)s
    FROM ended WHERE a.notification_id = ended.notification_id AND a.number = %(number)s
)
UPDATE notify_channel AS c SET
    last_delivered_at = CASE WHEN %(outcome)s = 'delivered' THEN clock_timestamp() ELSE c.last_delivered_at END,
    failing_since = CASE WHEN %(outcome)s <> 'delivered' THEN coalesce(c.failing_since, clock_timestamp()) END
FROM ended WHERE c.channel_id = ended.channel_id
RETURNING c.failing_since, coalesce(extract(epoch FROM clock_timestamp() - c.failing_since), 0)::float8 AS failing_for_s

-- name: hold
-- Everything of a channel that is due and may be held back; what was tried already, goes on.
-- One instant for all of it: what is held is found again by the instant since when there is something held.
WITH held AS (
    UPDATE notify_outbox SET state = 'held', due_at = statement_timestamp()
    WHERE channel_id = %(channel_id)s AND state = 'queued' AND due_at <= clock_timestamp() AND attempts = 0
        AND severity <> 'critical' AND NOT kind = ANY (%(exempt)s)
        AND EXISTS (SELECT FROM alert_evaluator WHERE term = %(term)s)
    RETURNING 1
), counted AS (
    SELECT count(*) AS held FROM held
), noted AS (
    UPDATE notify_channel SET progress = progress || jsonb_build_object('held_since', statement_timestamp())
    FROM counted WHERE channel_id = %(channel_id)s AND counted.held > 0 AND NOT progress ? 'held_since'
)
SELECT held FROM counted

-- name: held_since
SELECT (progress ->> 'held_since')::timestamptz,
    extract(epoch FROM clock_timestamp() - (progress ->> 'held_since')::timestamptz)::float8
FROM notify_channel WHERE channel_id = %(channel_id)s AND progress ? 'held_since'

-- name: held
-- Oldest first. What waited for longer than four days before it was held does not exist: it would have been given up.
SELECT o.notification_id, o.kind, o.severity, o.payload, count(*) OVER () AS together
FROM notify_outbox AS o
JOIN notify_channel AS c ON c.channel_id = o.channel_id AND c.org_id = o.org_id
WHERE o.channel_id = %(channel_id)s AND o.state = 'held' AND o.due_at >= %(since)s
    AND o.enqueued_at >= %(since)s::timestamptz - interval '4 days'
ORDER BY o.enqueued_at
LIMIT %(limit)s

-- name: summarised
UPDATE notify_channel SET progress = progress - 'held_since' WHERE channel_id = %(channel_id)s

-- name: lately_delivered
-- How long ago each message of the last hour went out; none is under way for longer than it is tried.
SELECT extract(epoch FROM clock_timestamp() - o.delivered_at)::float8
FROM notify_outbox AS o
JOIN notify_channel AS c ON c.channel_id = o.channel_id AND c.org_id = o.org_id
WHERE o.channel_id = %(channel_id)s AND o.enqueued_at > clock_timestamp() - interval '4 days'
    AND o.delivered_at > clock_timestamp() - interval '1 hour'
ORDER BY o.delivered_at

-- name: give_up_removed
-- What waited for a channel that is no more.
UPDATE notify_outbox AS o SET state = 'given_up'
FROM notify_channel AS c
WHERE c.channel_id = o.channel_id AND c.removed_at IS NOT NULL AND o.state = 'queued'

-- name: waiting
SELECT count(*) FROM notify_outbox WHERE channel_id = %(channel_id)s AND state IN ('queued', 'sending')
