-- What ingest workers say of themselves, every few seconds.

-- name: note
INSERT INTO ingest_presence AS p (worker, seen_at, broker_connected, lag_s)
VALUES (%(worker)s, clock_timestamp(), %(broker_connected)s, %(lag_s)s)
ON CONFLICT (worker) DO UPDATE SET
    seen_at = excluded.seen_at, broker_connected = excluded.broker_connected, lag_s = excluded.lag_s

-- name: forget
-- Workers that were retired, or renamed.
DELETE FROM ingest_presence WHERE seen_at < clock_timestamp() - INTERVAL '1 day'

-- name: all
SELECT worker, seen_at, broker_connected, lag_s FROM ingest_presence ORDER BY worker
