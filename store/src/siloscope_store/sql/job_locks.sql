-- name: try_lead
-- One lock a job. It goes with the session, however that ends.
SELECT pg_try_advisory_lock(hashtextextended('siloscope job ' || %(job)s, 0))
