-- Silences and maintenance windows.

-- name: page
SELECT silence_id, kind, selector, begins, ends, repeats, author, comment, created_at, ended_at, ended_by,
    CASE
        WHEN ended_at IS NOT NULL OR (repeats = 'never' AND ends <= now()) THEN 'over'
        WHEN begins > now() THEN 'coming'
        ELSE 'active'
    END AS state
FROM alert_silence
WHERE org_id = %(org_id)s
    AND (%(silence_id)s::int4 IS NULL OR silence_id = %(silence_id)s)
    AND (%(active)s::bool IS NULL OR %(active)s = (ended_at IS NULL AND (repeats <> 'never' OR ends > now())))
    AND (%(below)s::int4 IS NULL OR silence_id < %(below)s)
ORDER BY silence_id DESC
LIMIT %(limit)s

-- name: add
INSERT INTO alert_silence (org_id, kind, selector, begins, ends, repeats, author, comment)
VALUES (%(org_id)s, %(kind)s, %(selector)s, coalesce(%(begins)s::timestamptz, now()), %(ends)s, %(repeats)s,
    %(author)s, %(comment)s)
RETURNING silence_id

-- name: end
-- One that ended before stays as it ended.
UPDATE alert_silence SET ended_at = now(), ended_by = %(by)s
WHERE org_id = %(org_id)s AND silence_id = %(silence_id)s AND ended_at IS NULL

