-- Who evaluates: one row, whose lease runs on the database's clock. Each new holder has a higher term.

-- name: take
UPDATE alert_evaluator SET
    term = term + 1, holder = %(holder)s,
    lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
WHERE lease_until < clock_timestamp()
RETURNING term

-- name: renew
-- Also the first statement of every transaction that writes what was evaluated: the row lock it takes keeps another
-- evaluator from taking over before the end of that transaction.
UPDATE alert_evaluator SET lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s) WHERE term = %(term)s

-- name: release
UPDATE alert_evaluator SET lease_until = '-infinity' WHERE term = %(term)s

-- name: holder
SELECT term, holder, lease_until > clock_timestamp() FROM alert_evaluator

-- name: progress
-- What was evaluated last, and the clock that everybody goes by.
SELECT feed_cursor, evaluated_to, clock_timestamp() FROM alert_evaluator

-- name: advance
UPDATE alert_evaluator SET
    lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
    feed_cursor = %(cursor)s, evaluated_to = %(evaluated_to)s
WHERE term = %(term)s
RETURNING term

-- name: lightly
-- A round of which nothing follows but where it stopped need not wait for the disk: should that be lost, it is read again.
SET LOCAL synchronous_commit = off
