-- Imports: how far each has come. Progress commits together with the samples that it counts.

-- name: site
SELECT o.org_id, s.site_id
FROM organisation AS o
LEFT JOIN site AS s ON s.org_id = o.org_id AND s.slug = %(site)s
WHERE o.slug = %(org)s

-- name: lock
-- For the session: two commands on one file must not both go on with it.
SELECT pg_try_advisory_lock(hashtextextended('siloscope import ' || encode(%(fingerprint)s, 'hex'), 0))

-- name: find
SELECT import_id, position, line, readings, new_samples, conflicts, missing, refused, rejects_bytes, finished_at
FROM import_run WHERE fingerprint = %(fingerprint)s

-- name: begin
INSERT INTO import_run (org_id, fingerprint, source, target)
VALUES (%(org_id)s, %(fingerprint)s, %(source)s, %(target)s)

-- name: again
UPDATE import_run SET position = 0, line = 0, readings = 0, new_samples = 0, conflicts = 0, missing = 0, refused = 0,
    rejects_bytes = 0, finished_at = NULL, started_at = now(), updated_at = now()
WHERE fingerprint = %(fingerprint)s

-- name: advance
UPDATE import_run SET position = %(position)s, line = %(line)s, readings = %(readings)s, new_samples = %(new_samples)s,
    conflicts = %(conflicts)s, missing = %(missing)s, refused = %(refused)s, rejects_bytes = %(rejects_bytes)s,
    updated_at = now()
WHERE fingerprint = %(fingerprint)s

-- name: count
-- What an earlier step of a block wrote: written again, it is not new any more. All else is counted anew with its block.
UPDATE import_run SET new_samples = %(new_samples)s, updated_at = now() WHERE fingerprint = %(fingerprint)s

-- name: finish
UPDATE import_run SET finished_at = now(), updated_at = now() WHERE fingerprint = %(fingerprint)s
