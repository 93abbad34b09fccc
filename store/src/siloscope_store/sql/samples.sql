-- Writing samples. {table} is sample or sample_vitals, {incoming} its temporary twin. Rows come in through temporary tables that live as long as the
-- session and are emptied at each commit. They are filled in order of (group_id, time) and read by a sequential scan,
-- so every writer touches rows in the same order, and writers never deadlock.

-- name: prepare_samples
CREATE TEMPORARY TABLE IF NOT EXISTS {incoming} (
    group_id int4, "time" timestamptz, "values" float8[], quality int2[], came int2
) ON COMMIT DELETE ROWS

-- name: prepare_latest
CREATE TEMPORARY TABLE IF NOT EXISTS incoming_latest (
    group_id int4, times timestamptz[], "values" float8[], quality int2[], came int2
) ON COMMIT DELETE ROWS

-- name: allow_late
-- On TimescaleDB Community a statement may by default unpack at most 100 000 samples of compressed chunks, and a batch
-- with late samples of many groups asks for more; our batches are bounded, so the limit needs not be.
SELECT CASE WHEN storage_flavour() = 'timescale_community'
    THEN set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false) END

-- name: make_room
SELECT ensure_partitions(%(table)s, %(times)s::timestamptz[])

-- name: copy_samples
COPY {incoming} FROM STDIN (FORMAT BINARY)

-- name: copy_latest
COPY incoming_latest FROM STDIN (FORMAT BINARY)

-- name: copy_directly
COPY {table} FROM STDIN (FORMAT BINARY)

-- name: count
SELECT count(*) FROM {table}

-- name: insert_samples
-- Fewer rows inserted than came: some were there before, and only then fill_samples and differing_samples are needed.
INSERT INTO {table} (group_id, "time", "values", quality)
SELECT group_id, "time", "values", quality FROM {incoming}
ON CONFLICT (group_id, "time") DO NOTHING

-- name: insert_fresh
-- For rows that are not expected to be there: looking whether they are costs as much as inserting them. One that is there
-- all the same raises a unique violation.
INSERT INTO {table} (group_id, "time", "values", quality)
SELECT group_id, "time", "values", quality FROM {incoming}

-- name: insert_and_count_late
-- The same where late samples are among them: those that are new are counted by quarter of an hour of their time.
WITH inserted AS (
    INSERT INTO {table} (group_id, "time", "values", quality)
    SELECT group_id, "time", "values", quality FROM {incoming}
    ON CONFLICT (group_id, "time") DO NOTHING
    RETURNING group_id, "time"
), counted AS (
    INSERT INTO sample_late AS l (group_id, bucket, samples)
    SELECT i.group_id, date_bin(INTERVAL '15 minutes', i."time", TIMESTAMPTZ '1970-01-01 00:00:00+00') AS bucket, count(*)
    FROM inserted AS i
    JOIN sample_group AS g ON g.group_id = i.group_id
    WHERE %(arrived_at)s::timestamptz - i."time" > delivery_allowance(g.interval_s)
    GROUP BY i.group_id, bucket
    ORDER BY i.group_id, bucket
    ON CONFLICT (group_id, bucket) DO UPDATE SET samples = l.samples + excluded.samples
)
SELECT count(*) FROM inserted

-- name: fill_samples
-- An element is empty when it has neither value nor quality. What is there is never overwritten.
INSERT INTO {table} AS kept (group_id, "time", "values", quality)
SELECT group_id, "time", "values", quality FROM {incoming}
ON CONFLICT (group_id, "time") DO UPDATE SET
    "values" = (
        SELECT array_agg(
            CASE WHEN kept."values"[k] IS NULL AND kept.quality[k] IS NULL
                THEN excluded."values"[k] ELSE kept."values"[k] END ORDER BY k)
        FROM generate_series(1, greatest(cardinality(kept."values"), cardinality(excluded."values"))) AS k),
    quality = CASE WHEN kept.quality IS NULL AND excluded.quality IS NULL THEN NULL ELSE (
        SELECT array_agg(
            CASE WHEN kept."values"[k] IS NULL AND kept.quality[k] IS NULL
                THEN coalesce(excluded.quality[k], CASE WHEN excluded."values"[k] IS NOT NULL THEN 0 END)
                ELSE coalesce(kept.quality[k], 0) END ORDER BY k)
        FROM generate_series(1, greatest(cardinality(kept."values"), cardinality(excluded."values"))) AS k) END
WHERE EXISTS (
    SELECT FROM generate_series(1, cardinality(excluded."values")) AS k
    WHERE kept."values"[k] IS NULL AND kept.quality[k] IS NULL
        AND (excluded."values"[k] IS NOT NULL OR excluded.quality[k] IS NOT NULL))

-- name: differing_samples
-- Elements that say something else than what is kept. OFFSET 0 keeps the planner at one index look-up a row: it knows
-- nothing of the temporary table's size.
SELECT came.group_id, came."time", k - 1,
    kept."values"[k], coalesce(kept.quality[k], 0), came."values"[k], coalesce(came.quality[k], 0)
FROM {incoming} AS came
CROSS JOIN LATERAL (
    SELECT s."values", s.quality FROM {table} AS s
    WHERE s.group_id = came.group_id AND s."time" = came."time" OFFSET 0
) AS kept
CROSS JOIN LATERAL generate_series(1, cardinality(came."values")) AS k
WHERE (came."values"[k] IS NOT NULL OR came.quality[k] IS NOT NULL)
    AND (kept."values"[k], coalesce(kept.quality[k], 0)) IS DISTINCT FROM (came."values"[k], coalesce(came.quality[k], 0))
ORDER BY came.group_id, came."time", k, came.ctid

-- name: keep_conflicts
-- In order of the key, as all writers go about it; ids in order of arrival within one.
INSERT INTO sample_conflict (group_id, "time", position, kept_value, kept_quality, kept_epoch, kept_seq,
    other_value, other_quality, other_epoch, other_seq)
SELECT * FROM unnest(%(group_id)s::int4[], %(time)s::timestamptz[], %(position)s::int2[], %(kept_value)s::float8[],
    %(kept_quality)s::int2[], %(kept_epoch)s::uuid[], %(kept_seq)s::int8[],
    %(other_value)s::float8[], %(other_quality)s::int2[], %(other_epoch)s::uuid[], %(other_seq)s::int8[])
ON CONFLICT DO NOTHING

-- name: keep_undated
-- Arrays come as text: those of one call differ in length. In order of the key, as all writers go about it.
INSERT INTO undated (org_id, node_id, group_id, time_ms, "values", quality, epoch, seq, arrived_at, reason,
    pack_newest_ms)
SELECT org_id, node_id, group_id, time_ms, "values"::float8[], quality::int2[], epoch, seq, arrived_at, reason,
    pack_newest_ms
FROM unnest(%(org_id)s::int4[], %(node_id)s::int4[], %(group_id)s::int4[], %(time_ms)s::int8[], %(values)s::text[],
    %(quality)s::text[], %(epoch)s::uuid[], %(seq)s::int8[], %(arrived_at)s::timestamptz[], %(reason)s::text[],
    %(pack_newest_ms)s::int8[])
    AS u (org_id, node_id, group_id, time_ms, "values", quality, epoch, seq, arrived_at, reason, pack_newest_ms)
ORDER BY group_id, time_ms, epoch, seq
ON CONFLICT DO NOTHING

-- name: newest_samples
SELECT group_id, "time", "values", quality, came FROM {incoming} WHERE came IS NOT NULL

-- name: newest_in_order
-- What came is newest_samples of several tables.
SELECT group_id, "time", "values", quality, came FROM ({came}) AS every_table ORDER BY group_id

-- name: replace_latest
-- What came is newest_samples. For samples of a whole group, which are one time throughout: newer than all that is there.
INSERT INTO latest AS kept (group_id, times, "values", quality, changes)
SELECT group_id, array_fill("time", ARRAY[cardinality("values")]), "values", quality, came FROM ({came}) AS c
ON CONFLICT (group_id) DO UPDATE SET
    times = excluded.times, "values" = excluded."values", quality = excluded.quality,
    updated_at = now(), changed_by = pg_current_xact_id(), changes = kept.changes + excluded.changes
WHERE cardinality(kept.times) <= cardinality(excluded.times) AND (excluded.times[1] > ALL (kept.times)) IS NOT FALSE

-- name: lock_latest
-- What is written in two statements is made or locked in one order before: writers that meet the same groups would else
-- deadlock. What is made is empty, and filled by one of the two.
INSERT INTO latest (group_id, times, "values")
SELECT w.group_id, ARRAY[]::timestamptz[], ARRAY[]::float8[]
FROM (SELECT group_id FROM incoming_latest UNION SELECT group_id FROM ({came}) AS c) AS w
ORDER BY w.group_id
ON CONFLICT (group_id) DO UPDATE SET changed_by = pg_current_xact_id() WHERE false

-- name: empty_latest
DELETE FROM incoming_latest

-- name: newest_as_latest
INSERT INTO incoming_latest (group_id, times, "values", quality, came)
SELECT group_id, array_fill("time", ARRAY[cardinality("values")]), "values", quality, came FROM ({came}) AS c

-- name: merge_latest
-- For all others: each element by itself. What was overtaken changes no element, and is counted all the same where it may
-- be in time: alerting learns by that to look for it. What comes later than that has a mark of its own.
INSERT INTO latest AS kept (group_id, times, "values", quality, changes)
SELECT group_id, times, "values", quality, came FROM incoming_latest
ON CONFLICT (group_id) DO UPDATE SET
    times = (
        SELECT array_agg(CASE WHEN excluded.times[k] > kept.times[k] OR kept.times[k] IS NULL
            THEN excluded.times[k] ELSE kept.times[k] END ORDER BY k)
        FROM generate_series(1, greatest(cardinality(kept.times), cardinality(excluded.times))) AS k),
    "values" = (
        SELECT array_agg(CASE WHEN excluded.times[k] > kept.times[k] OR kept.times[k] IS NULL
            THEN excluded."values"[k] ELSE kept."values"[k] END ORDER BY k)
        FROM generate_series(1, greatest(cardinality(kept.times), cardinality(excluded.times))) AS k),
    quality = CASE WHEN kept.quality IS NULL AND excluded.quality IS NULL THEN NULL ELSE (
        SELECT array_agg(CASE WHEN excluded.times[k] > kept.times[k] OR kept.times[k] IS NULL
            THEN coalesce(excluded.quality[k], CASE WHEN excluded."values"[k] IS NOT NULL THEN 0 END)
            ELSE coalesce(kept.quality[k], CASE WHEN kept."values"[k] IS NOT NULL THEN 0 END) END ORDER BY k)
        FROM generate_series(1, greatest(cardinality(kept.times), cardinality(excluded.times))) AS k) END,
    updated_at = now(), changed_by = pg_current_xact_id(), changes = kept.changes + excluded.changes
WHERE EXISTS (
    SELECT FROM generate_series(1, cardinality(excluded.times)) AS k
    WHERE excluded.times[k] IS NOT NULL AND (kept.times[k] IS NULL OR excluded.times[k] > kept.times[k]))
    OR kept.changed_by <> pg_current_xact_id()
        AND EXISTS (SELECT FROM unnest(excluded.times) AS t WHERE t > now() - INTERVAL '10 minutes')
