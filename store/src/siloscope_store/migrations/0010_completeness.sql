-- depends: 0009_rollups
-- What is missing, and why. A hole between two stored samples is kept as a pair of times; how many samples it lacks, and
-- which cause stands for each, follows from what was expected then and from what the node declared.

-- In the order in which workers write them.
LOCK TABLE rollup_touched, undated, gap_record, quarantine IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE node_epoch IN ACCESS EXCLUSIVE MODE;

ALTER TABLE node_epoch ADD COLUMN declared_from timestamptz, ADD COLUMN declared_to timestamptz;
COMMENT ON COLUMN node_epoch.declared_from IS 'time of the oldest sample that the node says is spooled and not committed';
CREATE INDEX gap_record_times_idx ON gap_record (node_id, to_time);
CREATE INDEX undated_group_arrived_idx ON undated (group_id, arrived_at);
CREATE INDEX quarantine_node_idx ON quarantine (node_id, received_at);

-- Since when and at which interval samples of a group are expected. Whoever changes the interval, it is noted here.
CREATE TABLE group_expectation (
    group_id int4 NOT NULL REFERENCES sample_group,
    since timestamptz NOT NULL,
    until timestamptz,
    interval_s float8 NOT NULL CHECK (interval_s > 0),
    session text,
    PRIMARY KEY (group_id, since)
);
CREATE UNIQUE INDEX group_expectation_open_idx ON group_expectation (group_id) WHERE until IS NULL;
COMMENT ON COLUMN group_expectation.session IS 'whose birth named the group last; a birth that does not name it ends the row';
INSERT INTO group_expectation (group_id, since, interval_s)
SELECT group_id, created_at, interval_s FROM sample_group WHERE interval_s IS NOT NULL;

CREATE TABLE sample_late (
    group_id int4 NOT NULL,
    bucket timestamptz NOT NULL,
    samples int4 NOT NULL,
    PRIMARY KEY (group_id, bucket)
) WITH (fillfactor = 80);
COMMENT ON TABLE sample_late IS
    'samples that came later after their time than two intervals and 60 s, by quarter of an hour of their time (every zone''s days begin at one); counted when they were inserted, so never twice';

CREATE TABLE sample_hole (
    group_id int4 NOT NULL,
    after timestamptz NOT NULL,
    before timestamptz NOT NULL,
    PRIMARY KEY (group_id, before)
);
COMMENT ON TABLE sample_hole IS 'two stored samples that follow each other by more than one and a half intervals';
CREATE TABLE hole_progress (
    group_id int4 PRIMARY KEY,
    first_time timestamptz,
    done_to timestamptz NOT NULL
);
COMMENT ON TABLE hole_progress IS 'the group''s first sample ever, and up to when its holes are in sample_hole';
CREATE TABLE hole_touched (
    group_id int4 NOT NULL,
    bucket timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE hole_touched IS 'closed hours whose samples changed; only ever added to, and taken by the job that looks for holes';

ALTER TABLE group_expectation ENABLE ROW LEVEL SECURITY;
ALTER TABLE sample_late ENABLE ROW LEVEL SECURITY;
ALTER TABLE sample_hole ENABLE ROW LEVEL SECURITY;
ALTER TABLE hole_progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE hole_touched ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION note_expectation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NEW.interval_s IS NOT NULL THEN
        UPDATE group_expectation SET until = greatest(now(), since) WHERE group_id = NEW.group_id AND until IS NULL;
        INSERT INTO group_expectation AS e (group_id, since, interval_s) VALUES (NEW.group_id, now(), NEW.interval_s)
        ON CONFLICT (group_id, since) DO UPDATE SET interval_s = excluded.interval_s, until = NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER group_expected AFTER INSERT ON sample_group
    FOR EACH ROW WHEN (NEW.interval_s IS NOT NULL) EXECUTE FUNCTION note_expectation();
CREATE TRIGGER group_interval_changed AFTER UPDATE OF interval_s ON sample_group
    FOR EACH ROW WHEN (OLD.interval_s IS DISTINCT FROM NEW.interval_s) EXECUTE FUNCTION note_expectation();

CREATE FUNCTION touch_holes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO hole_touched (group_id, bucket) SELECT group_id, bucket FROM added;
    RETURN NULL;
END
$$;
CREATE TRIGGER holes_touched AFTER INSERT ON rollup_touched
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION touch_holes();

-- One reader per sample table: looking into both at once would open every span of both for each group.
DO $do$
DECLARE
    relation text;
BEGIN
    FOREACH relation IN ARRAY ARRAY['sample', 'sample_vitals'] LOOP
        EXECUTE format($f$
            CREATE FUNCTION holes_of_%1$s(wanted int4, begins timestamptz, ends timestamptz, longest interval)
            RETURNS TABLE (after timestamptz, before timestamptz)
            LANGUAGE sql STABLE
            AS $$
                SELECT pair.earlier, pair."time"
                FROM (
                    SELECT lag(near."time") OVER (ORDER BY near."time") AS earlier, near."time"
                    FROM (
                        (SELECT "time" FROM %1$I WHERE group_id = wanted AND "time" < begins ORDER BY "time" DESC LIMIT 1)
                        UNION ALL
                        SELECT "time" FROM %1$I WHERE group_id = wanted AND "time" >= begins AND "time" < ends
                        UNION ALL
                        (SELECT "time" FROM %1$I WHERE group_id = wanted AND "time" >= ends ORDER BY "time" LIMIT 1)
                    ) AS near
                ) AS pair
                WHERE pair."time" - pair.earlier > longest
            $$;
            CREATE FUNCTION ends_of_%1$s(wanted int4) RETURNS TABLE (first_time timestamptz, last_time timestamptz)
            LANGUAGE sql STABLE
            AS $$
                SELECT
                    (SELECT "time" FROM %1$I WHERE group_id = wanted ORDER BY "time" LIMIT 1),
                    (SELECT "time" FROM %1$I WHERE group_id = wanted ORDER BY "time" DESC LIMIT 1)
            $$;
            CREATE FUNCTION first_of_%1$s(wanted int4, begins timestamptz, ends timestamptz) RETURNS TABLE (first_time timestamptz)
            LANGUAGE sql STABLE
            AS $$
                SELECT "time" FROM %1$I WHERE group_id = wanted AND "time" >= begins AND "time" < ends ORDER BY "time" LIMIT 1
            $$;
            REVOKE EXECUTE ON FUNCTION first_of_%1$s(int4, timestamptz, timestamptz) FROM PUBLIC;
            REVOKE EXECUTE ON FUNCTION holes_of_%1$s(int4, timestamptz, timestamptz, interval) FROM PUBLIC;
            REVOKE EXECUTE ON FUNCTION ends_of_%1$s(int4) FROM PUBLIC;
        $f$, relation);
    END LOOP;
END
$do$;

CREATE FUNCTION delivery_allowance(interval_s float8) RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT make_interval(secs => greatest(2 * coalesce(interval_s, 0), 60)) $$;
COMMENT ON FUNCTION delivery_allowance(float8) IS 'a sample that comes within this after its time is in time';

-- When samples of groups are expected, and how often. The first span begins with what was spooled before the first birth
-- came; a sample that is a month older was imported, or told by a clock that was years wrong, and nothing follows from it.
CREATE FUNCTION expected_spans(wanted int4[])
RETURNS TABLE (group_id int4, since timestamptz, until timestamptz, interval_s float8)
LANGUAGE sql STABLE
AS $$
    SELECT e.group_id, CASE WHEN e.since = s.announced_at THEN least(e.since, h.first_time, m.at, v.at) ELSE e.since END,
        e.until, e.interval_s
    FROM (
        SELECT g.group_id, g.retention_class, min(x.since) AS announced_at, min(x.since) - INTERVAL '31 days' AS earliest
        FROM sample_group AS g JOIN group_expectation AS x ON x.group_id = g.group_id
        WHERE g.group_id = ANY (wanted)
        GROUP BY g.group_id
    ) AS s
    JOIN group_expectation AS e ON e.group_id = s.group_id
    LEFT JOIN hole_progress AS h ON h.group_id = s.group_id AND h.first_time >= s.earliest
    LEFT JOIN LATERAL first_of_sample(s.group_id, s.earliest, s.announced_at) AS m (at)
        ON h.group_id IS NULL AND s.retention_class = 'measurements'
    LEFT JOIN LATERAL first_of_sample_vitals(s.group_id, s.earliest, s.announced_at) AS v (at)
        ON h.group_id IS NULL AND s.retention_class = 'vitals'
$$;

-- Whatever may be missing of these groups within [begins, ends), as runs of equally spaced samples with one cause each.
CREATE FUNCTION missing_samples(wanted int4[], begins timestamptz, ends timestamptz, at timestamptz)
RETURNS TABLE (group_id int4, cause text, first_at timestamptz, step_s float8, missing int8)
LANGUAGE plpgsql STABLE
SET jit = off
-- Nobody knows beforehand how many rows these steps give. What has an index is reached by LATERAL, all else by hash.
SET enable_nestloop = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT g.group_id, g.retention_class, d.slug AS device, n.node_id, n.kind, x.shortest_s,
            greatest(n.last_pack_at, n.last_heartbeat_at, n.created_at) AS heard_at,
            coalesce(h.done_to, '-infinity') AS done_to,
            coalesce(h.first_time, m.first_time, v.first_time) AS first_time,
            coalesce(m.last_time, v.last_time, (SELECT max(t) FROM latest AS l, unnest(l.times) AS t WHERE l.group_id = g.group_id)) AS last_time
        FROM sample_group AS g
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        JOIN LATERAL (
            SELECT min(e.interval_s) AS shortest_s FROM group_expectation AS e WHERE e.group_id = g.group_id
        ) AS x ON x.shortest_s IS NOT NULL
        LEFT JOIN hole_progress AS h ON h.group_id = g.group_id
        LEFT JOIN LATERAL ends_of_sample(g.group_id) AS m ON g.retention_class = 'measurements'
        LEFT JOIN LATERAL ends_of_sample_vitals(g.group_id) AS v ON g.retention_class = 'vitals'
        WHERE g.group_id = ANY (wanted)
    ), period AS MATERIALIZED (
        SELECT p.group_id, p.interval_s, p.since, least(p.until, at - delivery_allowance(p.interval_s)) AS until,
            make_interval(secs => 1.5 * p.interval_s) AS longest
        FROM expected_spans(wanted) AS p
    ), newer AS MATERIALIZED (
        -- What is newer than the job that looks for holes, by the interval of its time.
        SELECT g.group_id, g.retention_class, p.longest,
            greatest(g.done_to, begins, p.since) AS begins, least(ends, p.before) AS ends
        FROM g JOIN (SELECT *, lead(since, 1, 'infinity') OVER (PARTITION BY group_id ORDER BY since) AS before FROM period) AS p
            ON p.group_id = g.group_id AND greatest(g.done_to, begins, p.since) < least(ends, p.before)
    ), hole AS (
        -- UNION: a hole across a change of interval is found with both.
        SELECT g.group_id, h.after, h.before
        FROM g CROSS JOIN LATERAL (
            SELECT h.after, h.before FROM sample_hole AS h
            WHERE h.group_id = g.group_id AND h.before < g.done_to AND h.before > begins AND h.after < ends OFFSET 0
        ) AS h
        UNION
        SELECT n.group_id, h.after, h.before
        FROM newer AS n CROSS JOIN LATERAL holes_of_sample(n.group_id, n.begins, n.ends, n.longest) AS h
        WHERE n.retention_class = 'measurements'
        UNION
        SELECT n.group_id, h.after, h.before
        FROM newer AS n CROSS JOIN LATERAL holes_of_sample_vitals(n.group_id, n.begins, n.ends, n.longest) AS h
        WHERE n.retention_class = 'vitals'
        UNION
        SELECT group_id, '-infinity', coalesce(first_time, 'infinity') FROM g
        UNION
        SELECT group_id, last_time, 'infinity' FROM g WHERE last_time IS NOT NULL
    ), stretch AS MATERIALIZED (
        SELECT s.group_id, s.lo, s.hi, s.step_s,
            greatest(1, ceil(extract(epoch FROM begins - s.lo)::float8 / s.step_s - 1e-9)) AS least,
            least(
                CASE WHEN s.ends_with_sample
                    THEN floor(extract(epoch FROM s.hi - s.lo)::float8 / s.step_s + 0.5) - 1
                    ELSE floor(extract(epoch FROM s.hi - s.lo)::float8 / s.step_s + 1e-9) END,
                ceil(extract(epoch FROM ends - s.lo)::float8 / s.step_s - 1e-9) - 1) AS most
        FROM (
            SELECT h.group_id, p.interval_s AS step_s, greatest(h.after, p.since) AS lo, least(h.before, p.until) AS hi,
                h.before <= p.until AS ends_with_sample
            FROM hole AS h
            JOIN period AS p ON p.group_id = h.group_id AND p.until > h.after AND p.since < h.before
        ) AS s
        WHERE s.lo < s.hi AND s.hi > begins AND s.lo < ends
    ), lacking AS MATERIALIZED (
        SELECT g.*, make_interval(secs => g.shortest_s) AS step, make_interval(secs => g.shortest_s / 2) AS half
        FROM g WHERE EXISTS (SELECT FROM stretch AS s WHERE s.group_id = g.group_id AND s.least <= s.most)
    ), said (group_id, cause, span) AS (
        -- A pause and a missed turn begin right where they say; an evicted pack's samples stand on its bounds.
        SELECT l.group_id, r.kind AS cause, tstzrange(
            least(r.from_time, r.to_time) - CASE r.kind WHEN 'agent_off' THEN INTERVAL '0' ELSE l.half END,
            greatest(r.from_time, r.to_time) + CASE r.kind WHEN 'bus_error' THEN INTERVAL '0' ELSE l.half END)
        FROM lacking AS l
        CROSS JOIN LATERAL (
            SELECT r.kind, r.from_time, r.to_time FROM gap_record AS r
            WHERE r.node_id = l.node_id AND (r.device IS NULL OR r.device = l.device)
                AND r.to_time >= begins - 2 * l.step AND r.from_time <= ends + 2 * l.step OFFSET 0
        ) AS r
        UNION ALL
        SELECT l.group_id, 'undated', tstzrange(u.arrived_at - l.step, u.arrived_at + l.half)
        FROM lacking AS l CROSS JOIN LATERAL (
            SELECT u.arrived_at FROM undated AS u
            WHERE u.group_id = l.group_id AND u.arrived_at >= begins AND u.arrived_at <= ends + 2 * l.step OFFSET 0
        ) AS u
        UNION ALL
        SELECT l.group_id, 'refused', tstzrange(q.received_at - l.step - INTERVAL '2 seconds', q.received_at + l.half)
        FROM lacking AS l CROSS JOIN LATERAL (
            SELECT q.received_at FROM quarantine AS q
            WHERE q.node_id = l.node_id AND q.received_at >= begins AND q.received_at <= ends + 2 * l.step OFFSET 0
        ) AS q
        UNION ALL
        -- What a node says that it still has. An epoch that it speaks of no more is not on its way.
        SELECT l.group_id, 'on_its_way',
            tstzrange(coalesce(e.declared_from, e.first_seen_at) - l.half,
                greatest(coalesce(e.declared_to, l.heard_at), coalesce(e.declared_from, e.first_seen_at)) + l.half)
        FROM lacking AS l JOIN node_epoch AS e ON e.node_id = l.node_id
        WHERE e.declared_next > e.declared_oldest AND e.last_seen_at >= l.heard_at - INTERVAL '15 minutes'
            AND NOT e.accounted + coalesce((
                SELECT range_agg(f.span) FROM node_epoch_folded AS f WHERE f.node_id = e.node_id AND f.epoch = e.epoch
            ), '{}') @> int8range(e.declared_oldest, e.declared_next)
        UNION ALL
        SELECT l.group_id, 'no_word', tstzrange(l.heard_at, NULL) FROM lacking AS l WHERE l.kind = 'agent'
    ), mask AS (
        SELECT l.group_id,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'agent_off'), '{}') AS off,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'bus_error'), '{}') AS bus,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'evicted'), '{}') AS evicted,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'thinned'), '{}') AS thinned,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'refused'), '{}') AS refused,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'undated'), '{}') AS undated,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'on_its_way'), '{}') AS coming,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'no_word'), '{}') AS silent,
            coalesce(range_agg(s.span), '{}') AS known
        FROM lacking AS l LEFT JOIN said AS s ON s.group_id = l.group_id
        GROUP BY l.group_id
    ), reason AS (
        -- Each instant has one cause: the first of these.
        SELECT m.group_id, c.cause, c.mask
        FROM mask AS m CROSS JOIN LATERAL (VALUES
            ('agent_off', m.off),
            ('bus_error', m.bus - m.off),
            ('evicted', m.evicted - m.bus - m.off),
            ('thinned', m.thinned - m.evicted - m.bus - m.off),
            ('refused', m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('undated', m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('on_its_way', m.coming - m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('no_word', m.silent - m.coming - m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('unexplained', tstzmultirange(tstzrange(NULL, NULL)) - m.known)
        ) AS c (cause, mask)
        WHERE NOT isempty(c.mask)
    )
    -- Most holes lack a single sample, and what holds of an instant is found without cutting masks to pieces.
    SELECT s.group_id, r.cause, s.instant, s.step_s, 1::int8
    FROM (
        SELECT s.group_id, s.step_s, s.lo + make_interval(secs => s.least * s.step_s) AS instant FROM stretch AS s WHERE s.least = s.most
    ) AS s
    JOIN reason AS r ON r.group_id = s.group_id AND r.mask @> s.instant
    UNION ALL
    SELECT s.group_id, r.cause, s.lo + make_interval(secs => run.first * s.step_s), s.step_s, (run.last - run.first + 1)::int8
    FROM stretch AS s
    JOIN reason AS r ON r.group_id = s.group_id AND r.mask && tstzrange(s.lo, s.hi + make_interval(secs => s.step_s))
    CROSS JOIN LATERAL unnest(r.mask * tstzmultirange(tstzrange(s.lo, s.hi + make_interval(secs => s.step_s)))) AS part (span)
    CROSS JOIN LATERAL (
        SELECT greatest(s.least, ceil(extract(epoch FROM lower(part.span) - s.lo)::float8 / s.step_s - 1e-9)) AS first,
            least(s.most, ceil(extract(epoch FROM upper(part.span) - s.lo)::float8 / s.step_s - 1e-9) - 1) AS last
    ) AS run
    WHERE s.least < s.most AND run.first <= run.last;
END
$$;

-- How far roll-ups of a level reach for a group; the rest is counted from samples.
CREATE FUNCTION rolled_up_to(wanted_level text, wanted_zone text, wanted_group int4) RETURNS timestamptz
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(
        (SELECT CASE WHEN wanted_group <= group_done THEN greatest(going_to, done_to) ELSE done_to END
         FROM rollup_progress WHERE level = wanted_level AND zone = wanted_zone),
        '-infinity')
$$;

CREATE FUNCTION stored_samples(wanted int4[], from_day date, to_day date)
RETURNS TABLE (group_id int4, day date, samples int8, counts int8[], reasons jsonb)
LANGUAGE plpgsql STABLE
SET jit = off
-- Nobody knows beforehand how many rows these steps give. What has an index is reached by LATERAL, all else by hash.
SET enable_nestloop = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT g.group_id, g.retention_class, s.time_zone AS zone,
            rolled_up_to('day', s.time_zone, g.group_id) AS days_to, rolled_up_to('hour', '', g.group_id) AS hours_to
        FROM sample_group AS g
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        JOIN site AS s ON s.site_id = n.site_id
        WHERE g.group_id = ANY (wanted)
    ), day AS MATERIALIZED (
        SELECT z.zone, x::date AS day, day_start(x::date, z.zone) AS lo, day_start(x::date + 1, z.zone) AS hi
        FROM (SELECT DISTINCT zone FROM g) AS z
        CROSS JOIN generate_series(from_day::timestamp, to_day::timestamp, INTERVAL '1 day') AS x
    ), open AS MATERIALIZED (
        SELECT g.group_id, g.retention_class, d.day, d.lo, d.hi, w.a, greatest(w.a, least(date_bin('1 hour', d.hi, 'epoch'), g.hours_to)) AS z
        FROM g JOIN day AS d ON d.zone = g.zone AND d.hi > g.days_to
        CROSS JOIN LATERAL (SELECT least(d.hi, date_bin('1 hour', d.lo + INTERVAL '3599.999999 seconds', 'epoch')) AS a) AS w
    ), hour AS MATERIALIZED (
        SELECT o.group_id, o.day, r.samples, r.counts, r.reasons
        FROM open AS o CROSS JOIN LATERAL (
            SELECT r.samples, r.counts, r.reasons FROM rollup_hour AS r
            WHERE r.group_id = o.group_id AND r.bucket >= o.a AND r.bucket < o.z OFFSET 0
        ) AS r
    ), fragment AS (
        SELECT group_id, retention_class, day, lo, a AS hi FROM open WHERE lo < a
        UNION ALL
        SELECT group_id, retention_class, day, z, hi FROM open WHERE z < hi
    ), raw AS MATERIALIZED (
        SELECT f.group_id, f.day, s."values", s.quality
        FROM fragment AS f CROSS JOIN LATERAL (
            SELECT s."values", s.quality FROM sample AS s
            WHERE s.group_id = f.group_id AND s."time" >= f.lo AND s."time" < f.hi OFFSET 0
        ) AS s
        WHERE f.retention_class = 'measurements'
        UNION ALL
        SELECT f.group_id, f.day, s."values", s.quality
        FROM fragment AS f CROSS JOIN LATERAL (
            SELECT s."values", s.quality FROM sample_vitals AS s
            WHERE s.group_id = f.group_id AND s."time" >= f.lo AND s."time" < f.hi OFFSET 0
        ) AS s
        WHERE f.retention_class = 'vitals'
    ), total AS (
        SELECT group_id, day, sum(samples)::int8 AS samples
        FROM (SELECT group_id, day, samples FROM hour UNION ALL SELECT group_id, day, 1 FROM raw) AS x
        GROUP BY group_id, day
    ), counted AS (
        SELECT group_id, day, k, sum(n)::int8 AS n
        FROM (
            SELECT h.group_id, h.day, u.k, u.n::int8 FROM hour AS h CROSS JOIN LATERAL unnest(h.counts) WITH ORDINALITY AS u (n, k)
            UNION ALL
            SELECT r.group_id, r.day, u.k, count(*) FILTER (WHERE u.v IS NOT NULL AND coalesce(r.quality[u.k], 0) < 200)
            FROM raw AS r CROSS JOIN LATERAL unnest(r."values") WITH ORDINALITY AS u (v, k)
            GROUP BY r.group_id, r.day, u.k
        ) AS x
        GROUP BY group_id, day, k
    ), faulty AS (
        SELECT group_id, day, place, jsonb_object_agg(code, n) AS codes
        FROM (
            SELECT group_id, day, place, code, sum(n)::int8 AS n
            FROM (
                SELECT h.group_id, h.day, p.key AS place, c.key AS code, c.value::int8 AS n
                FROM hour AS h CROSS JOIN LATERAL jsonb_each(h.reasons) AS p CROSS JOIN LATERAL jsonb_each_text(p.value) AS c
                UNION ALL
                SELECT r.group_id, r.day, (u.k - 1)::text, u.code::text, count(*)
                FROM raw AS r CROSS JOIN LATERAL unnest(r.quality) WITH ORDINALITY AS u (code, k)
                WHERE r.quality IS NOT NULL AND u.code >= 100
                GROUP BY r.group_id, r.day, u.k, u.code
            ) AS x
            GROUP BY group_id, day, place, code
        ) AS y
        GROUP BY group_id, day, place
    )
    SELECT g.group_id, r.day, r.samples::int8, r.counts::int8[], r.reasons
    FROM g
    CROSS JOIN LATERAL (
        SELECT r.day, r.samples, r.counts, r.reasons FROM rollup_day AS r
        WHERE r.group_id = g.group_id AND r.day BETWEEN from_day AND to_day OFFSET 0
    ) AS r
    JOIN day AS d ON d.zone = g.zone AND d.day = r.day AND d.hi <= g.days_to
    UNION ALL
    SELECT t.group_id, t.day, t.samples, c.counts, f.reasons
    FROM total AS t
    LEFT JOIN (SELECT group_id, day, array_agg(n ORDER BY k) AS counts FROM counted GROUP BY group_id, day) AS c
        ON c.group_id = t.group_id AND c.day = t.day
    LEFT JOIN (SELECT group_id, day, jsonb_object_agg(place, codes) AS reasons FROM faulty GROUP BY group_id, day) AS f
        ON f.group_id = t.group_id AND f.day = t.day;
END
$$;

-- Per group and local date: expected + surplus = stored + every cause.
CREATE FUNCTION completeness_of(wanted int4[], from_day date, to_day date, at timestamptz)
RETURNS TABLE (
    group_id int4, day date, expected int8, stored int8, surplus int8, late int8, agent_off int8, bus_error int8, evicted int8,
    thinned int8, refused int8, undated int8, on_its_way int8, no_word int8, unexplained int8, conflicts int8,
    counts int8[], reasons jsonb)
LANGUAGE plpgsql STABLE
SET jit = off
-- Nobody knows beforehand how many rows these steps give. What has an index is reached by LATERAL, all else by hash.
SET enable_nestloop = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH g AS MATERIALIZED (
        SELECT g.group_id, s.time_zone AS zone
        FROM sample_group AS g
        JOIN device AS d ON d.device_id = g.device_id
        JOIN node AS n ON n.node_id = d.node_id
        JOIN site AS s ON s.site_id = n.site_id
        WHERE g.group_id = ANY (wanted)
    ), day AS MATERIALIZED (
        SELECT z.zone, x::date AS day, day_start(x::date, z.zone) AS lo, day_start(x::date + 1, z.zone) AS hi
        FROM (SELECT DISTINCT zone FROM g) AS z
        CROSS JOIN generate_series(from_day::timestamp, to_day::timestamp, INTERVAL '1 day') AS x
    ), piece AS MATERIALIZED (
        SELECT m.*, m.first_at + make_interval(secs => (m.missing - 1) * m.step_s) AS last_at
        FROM (SELECT min(lo) AS begins, max(hi) AS ends FROM day) AS w
        CROSS JOIN LATERAL missing_samples(wanted, w.begins, w.ends, at) AS m
    ), lacking AS MATERIALIZED (
        SELECT p.group_id, d.day, p.cause, sum(
            least(p.missing, ceil(extract(epoch FROM d.hi - p.first_at)::float8 / p.step_s - 1e-9))
            - greatest(0, ceil(extract(epoch FROM d.lo - p.first_at)::float8 / p.step_s - 1e-9)))::int8 AS n
        FROM piece AS p
        JOIN g ON g.group_id = p.group_id
        JOIN day AS d ON d.zone = g.zone AND d.lo <= p.last_at AND d.hi > p.first_at
        GROUP BY p.group_id, d.day, p.cause
    ), pivot AS MATERIALIZED (
        SELECT group_id, day,
            coalesce(sum(n) FILTER (WHERE cause = 'agent_off'), 0)::int8 AS agent_off,
            coalesce(sum(n) FILTER (WHERE cause = 'bus_error'), 0)::int8 AS bus_error,
            coalesce(sum(n) FILTER (WHERE cause = 'evicted'), 0)::int8 AS evicted,
            coalesce(sum(n) FILTER (WHERE cause = 'thinned'), 0)::int8 AS thinned,
            coalesce(sum(n) FILTER (WHERE cause = 'refused'), 0)::int8 AS refused,
            coalesce(sum(n) FILTER (WHERE cause = 'undated'), 0)::int8 AS undated,
            coalesce(sum(n) FILTER (WHERE cause = 'on_its_way'), 0)::int8 AS on_its_way,
            coalesce(sum(n) FILTER (WHERE cause = 'no_word'), 0)::int8 AS no_word,
            coalesce(sum(n) FILTER (WHERE cause = 'unexplained'), 0)::int8 AS unexplained,
            coalesce(sum(n) FILTER (WHERE cause <> 'unexplained'), 0)::int8 AS explained
        FROM lacking GROUP BY group_id, day
    ), stored AS MATERIALIZED (
        SELECT * FROM stored_samples(wanted, from_day, to_day)
    ), nominal AS MATERIALIZED (
        -- How many samples there can be: where there are more, somebody reads more often than announced.
        SELECT g.group_id, d.day, sum(ceil(
            extract(epoch FROM least(d.hi, e.until, at) - greatest(d.lo, e.since))::float8 / e.interval_s - 1e-9))::int8 AS most
        FROM g
        JOIN day AS d ON d.zone = g.zone
        JOIN expected_spans(wanted) AS e ON e.group_id = g.group_id AND e.since < d.hi AND coalesce(e.until, 'infinity') > d.lo AND d.lo < at
        GROUP BY g.group_id, d.day
    ), late AS (
        SELECT g.group_id, l.day, sum(l.samples)::int8 AS n
        FROM g
        JOIN (SELECT zone, min(lo) AS lo, max(hi) AS hi FROM day GROUP BY zone) AS w ON w.zone = g.zone
        CROSS JOIN LATERAL (
            SELECT (l.bucket AT TIME ZONE g.zone)::date AS day, l.samples FROM sample_late AS l
            WHERE l.group_id = g.group_id AND l.bucket >= w.lo AND l.bucket < w.hi OFFSET 0
        ) AS l
        GROUP BY g.group_id, l.day
    ), conflict AS (
        SELECT g.group_id, c.day, count(*) AS n
        FROM g
        JOIN (SELECT zone, min(lo) AS lo, max(hi) AS hi FROM day GROUP BY zone) AS w ON w.zone = g.zone
        CROSS JOIN LATERAL (
            SELECT (c."time" AT TIME ZONE g.zone)::date AS day FROM sample_conflict AS c
            WHERE c.group_id = g.group_id AND c."time" >= w.lo AND c."time" < w.hi OFFSET 0
        ) AS c
        GROUP BY g.group_id, c.day
    )
    SELECT k.group_id, k.day,
        CASE WHEN n.most IS NOT NULL THEN f.stored - f.surplus + coalesce(p.explained, 0) + f.unexplained END,
        f.stored, f.surplus, coalesce(l.n, 0), coalesce(p.agent_off, 0), coalesce(p.bus_error, 0), coalesce(p.evicted, 0),
        coalesce(p.thinned, 0), coalesce(p.refused, 0), coalesce(p.undated, 0), coalesce(p.on_its_way, 0),
        coalesce(p.no_word, 0), f.unexplained, coalesce(c.n, 0), s.counts, s.reasons
    FROM (
        SELECT group_id, day FROM pivot UNION SELECT group_id, day FROM stored
        UNION SELECT group_id, day FROM late UNION SELECT group_id, day FROM conflict
    ) AS k
    LEFT JOIN pivot AS p ON p.group_id = k.group_id AND p.day = k.day
    LEFT JOIN stored AS s ON s.group_id = k.group_id AND s.day = k.day
    LEFT JOIN nominal AS n ON n.group_id = k.group_id AND n.day = k.day
    LEFT JOIN late AS l ON l.group_id = k.group_id AND l.day = k.day
    LEFT JOIN conflict AS c ON c.group_id = k.group_id AND c.day = k.day
    CROSS JOIN LATERAL (
        SELECT coalesce(s.samples, 0) AS stored,
            -- Of a day that began or ended within an interval, one sample more or less says nothing.
            CASE WHEN coalesce(s.samples, 0) > coalesce(n.most, s.samples) + 1 THEN s.samples - n.most ELSE 0 END::int8 AS surplus,
            -- A bus that reads unevenly leaves wide spaces between samples of which none is missing.
            least(coalesce(p.unexplained, 0),
                greatest(0, coalesce(n.most, 0) - coalesce(s.samples, 0) - coalesce(p.explained, 0)))::int8 AS unexplained
    ) AS f;
END
$$;

REVOKE EXECUTE ON FUNCTION expected_spans(int4[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION missing_samples(int4[], timestamptz, timestamptz, timestamptz) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION rolled_up_to(text, text, int4) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION stored_samples(int4[], date, date) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION completeness_of(int4[], date, date, timestamptz) FROM PUBLIC;

-- For SQL users: the same, of their organisation alone.
CREATE FUNCTION completeness(from_day date, to_day date)
RETURNS TABLE (
    organisation text, site text, node text, device text, "group" text, day date, expected int8, stored int8, surplus int8,
    late int8, agent_off int8, bus_error int8, evicted int8, thinned int8, refused int8, undated int8, on_its_way int8,
    no_word int8, unexplained int8, conflicts int8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT o.slug, s.slug, n.slug, d.slug, g.key, c.day, c.expected, c.stored, c.surplus, c.late, c.agent_off, c.bus_error,
        c.evicted, c.thinned, c.refused, c.undated, c.on_its_way, c.no_word, c.unexplained, c.conflicts
    FROM completeness_of(
        ARRAY(SELECT group_id FROM sample_group WHERE org_id = ANY (visible_organisations())), from_day, to_day, now()) AS c
    JOIN sample_group AS g ON g.group_id = c.group_id
    JOIN device AS d ON d.device_id = g.device_id
    JOIN node AS n ON n.node_id = d.node_id
    JOIN site AS s ON s.site_id = n.site_id
    JOIN organisation AS o ON o.org_id = g.org_id
    ORDER BY 1, 2, 3, 4, 5, 6
$$;
COMMENT ON FUNCTION completeness(date, date) IS
    'per group of your organisation and local date: expected + surplus = stored + the causes of what is missing';

CREATE FUNCTION gaps(begins timestamptz, ends timestamptz)
RETURNS TABLE (
    organisation text, site text, node text, device text, "group" text, cause text, from_time timestamptz,
    to_time timestamptz, samples int8)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT o.slug, s.slug, n.slug, d.slug, g.key, m.cause, m.first_at,
        m.first_at + make_interval(secs => (m.missing - 1) * m.step_s), m.missing
    FROM missing_samples(
        ARRAY(SELECT group_id FROM sample_group WHERE org_id = ANY (visible_organisations())), begins, ends, now()) AS m
    JOIN sample_group AS g ON g.group_id = m.group_id
    JOIN device AS d ON d.device_id = g.device_id
    JOIN node AS n ON n.node_id = d.node_id
    JOIN site AS s ON s.site_id = n.site_id
    JOIN organisation AS o ON o.org_id = g.org_id
    ORDER BY 7, 1, 2, 3, 4, 5
$$;
COMMENT ON FUNCTION gaps(timestamptz, timestamptz) IS 'what is missing of your organisation, with its cause, oldest first';
REVOKE EXECUTE ON FUNCTION completeness(date, date) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION gaps(timestamptz, timestamptz) FROM PUBLIC;

CREATE VIEW number_ledger WITH (security_barrier) AS
SELECT o.slug AS organisation, s.slug AS site, n.slug AS node, replace(e.epoch::text, '-', '') AS epoch,
    a.accounted, e.declared_oldest, e.declared_next, e.session, e.first_seen_at, e.last_seen_at
FROM node_epoch AS e
JOIN node AS n ON n.node_id = e.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = n.org_id
CROSS JOIN LATERAL (
    SELECT e.accounted + coalesce(
        (SELECT range_agg(f.span) FROM node_epoch_folded AS f WHERE f.node_id = e.node_id AND f.epoch = e.epoch), '{}') AS accounted
) AS a
WHERE n.org_id = ANY ((SELECT visible_organisations())::int4[]);
COMMENT ON VIEW number_ledger IS 'per node and start of its agent: which numbers are accounted for, and which the node says it still has';

CREATE VIEW reading_conflict WITH (security_barrier) AS
SELECT o.slug AS organisation, s.slug AS site, n.slug AS node, d.slug AS device, c.key AS channel, c.channel_id, x."time",
    x.kept_value, quality_reason(x.kept_quality) AS kept_reason, replace(x.kept_epoch::text, '-', '') AS kept_epoch, x.kept_seq,
    x.other_value, quality_reason(x.other_quality) AS other_reason, replace(x.other_epoch::text, '-', '') AS other_epoch, x.other_seq,
    x.at
FROM sample_conflict AS x
JOIN channel AS c ON c.group_id = x.group_id AND c.position = x.position
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
WHERE c.org_id = ANY ((SELECT visible_organisations())::int4[]);
COMMENT ON VIEW reading_conflict IS 'readings that came twice with different values: the first was kept';
