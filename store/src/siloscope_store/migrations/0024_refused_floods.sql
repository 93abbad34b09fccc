-- depends: 0023_shared_causes
-- What a device lacks that is refused again and again: a flood is kept by its minutes, and a message that came all the time
-- stands for all of it. Only adds: workers of the version before count a flood without its minutes.

ALTER TABLE quarantine_withheld ADD COLUMN minutes int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN quarantine_withheld.minutes IS 'in which minutes of the hour some came: bit 0 is the first';
CREATE INDEX quarantine_withheld_node_idx ON quarantine_withheld (node_id, hour);

-- Whatever may be missing of these groups within [begins, ends), as runs of equally spaced samples with one cause each.
CREATE OR REPLACE FUNCTION missing_samples(wanted int4[], begins timestamptz, ends timestamptz, at timestamptz)
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
        SELECT g.group_id, g.node_id, g.device, g.kind, g.heard_at, g.shortest_s
        FROM g WHERE EXISTS (SELECT FROM stretch AS s WHERE s.group_id = g.group_id AND s.least <= s.most)
    ), pace AS MATERIALIZED (
        -- What a node says holds for all its groups, or for those of a device; how far it reaches depends on their interval.
        SELECT DISTINCT l.node_id, l.kind, l.heard_at, l.shortest_s,
            make_interval(secs => l.shortest_s) AS step, make_interval(secs => l.shortest_s / 2) AS half
        FROM lacking AS l
    ), said (node_id, shortest_s, device, cause, span) AS (
        -- A pause and a missed turn begin right where they say; an evicted pack's samples stand on its bounds.
        SELECT p.node_id, p.shortest_s, r.device, r.kind AS cause, tstzrange(
            least(r.from_time, r.to_time) - CASE r.kind WHEN 'agent_off' THEN INTERVAL '0' ELSE p.half END,
            greatest(r.from_time, r.to_time) + CASE r.kind WHEN 'bus_error' THEN INTERVAL '0' ELSE p.half END)
        FROM pace AS p
        CROSS JOIN LATERAL (
            SELECT r.device, r.kind, r.from_time, r.to_time FROM gap_record AS r
            WHERE r.node_id = p.node_id AND r.to_time >= begins - 2 * p.step AND r.from_time <= ends + 2 * p.step OFFSET 0
        ) AS r
        UNION ALL
        -- Of a message that could not be read nobody knows which samples it had: it is taken for the interval before it.
        SELECT p.node_id, p.shortest_s, NULL, 'refused', tstzrange(q.first_at - p.step - INTERVAL '2 seconds', q.last_at + p.half)
        FROM pace AS p
        CROSS JOIN LATERAL (
            -- Of one that came again it is kept when first and last; came it an interval or more often, then all the time.
            SELECT x.first_at, x.last_at
            FROM quarantine AS q
            CROSS JOIN LATERAL (
                SELECT coalesce((q.times_seen - 1) * p.step >= q.last_seen_at - q.received_at, false) AS steady
            ) AS s
            CROSS JOIN LATERAL (VALUES
                (q.received_at, CASE WHEN s.steady THEN q.last_seen_at ELSE q.received_at END),
                (q.last_seen_at, q.last_seen_at)
            ) AS x (first_at, last_at)
            WHERE q.node_id = p.node_id AND q.received_at <= ends + 2 * p.step
                AND x.last_at >= begins AND x.first_at <= ends + 2 * p.step
            UNION ALL
            SELECT r.at, r.at FROM seq_refused AS r
            WHERE r.node_id = p.node_id AND r.at >= begins AND r.at <= ends + 2 * p.step
            UNION ALL
            -- Of a flood it is known in which minutes it came.
            SELECT w.hour + make_interval(mins => m.minute), w.hour + make_interval(mins => m.minute + 1)
            FROM quarantine_withheld AS w CROSS JOIN generate_series(0, 59) AS m (minute)
            WHERE w.node_id = p.node_id AND w.hour >= begins - INTERVAL '1 hour' AND w.hour <= ends + 2 * p.step
                AND (w.minutes >> m.minute) & 1 = 1
        ) AS q
        UNION ALL
        -- What a node says that it still has. An epoch that it speaks of no more is not on its way.
        SELECT p.node_id, p.shortest_s, NULL, 'on_its_way',
            tstzrange(coalesce(e.declared_from, e.first_seen_at) - p.half,
                greatest(coalesce(e.declared_to, p.heard_at), coalesce(e.declared_from, e.first_seen_at)) + p.half)
        FROM pace AS p JOIN node_epoch AS e ON e.node_id = p.node_id
        WHERE e.declared_next > e.declared_oldest AND e.last_seen_at >= p.heard_at - INTERVAL '15 minutes'
            AND NOT e.accounted + coalesce((
                SELECT range_agg(f.span) FROM node_epoch_folded AS f WHERE f.node_id = e.node_id AND f.epoch = e.epoch
            ), '{}') @> int8range(e.declared_oldest, e.declared_next)
        UNION ALL
        SELECT p.node_id, p.shortest_s, NULL, 'no_word', tstzrange(p.heard_at, NULL) FROM pace AS p WHERE p.kind = 'agent'
    ), spoken AS MATERIALIZED (
        SELECT s.node_id, s.shortest_s, s.device,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'agent_off'), '{}') AS off,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'bus_error'), '{}') AS bus,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'evicted'), '{}') AS evicted,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'thinned'), '{}') AS thinned,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'refused'), '{}') AS refused,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'on_its_way'), '{}') AS coming,
            coalesce(range_agg(s.span) FILTER (WHERE s.cause = 'no_word'), '{}') AS silent
        FROM said AS s GROUP BY s.node_id, s.shortest_s, s.device
    ), apart AS MATERIALIZED (
        -- The newest of a pack whose time was not believed is of its arrival; one of a far week is of the time that it says.
        SELECT l.group_id, range_agg(u.span) AS undated
        FROM lacking AS l
        JOIN pace AS p ON p.node_id = l.node_id AND p.shortest_s = l.shortest_s
        CROSS JOIN LATERAL (
            SELECT tstzrange(x.at - p.step, x.at + p.half) AS span
            FROM (
                SELECT u.arrived_at - make_interval(
                    secs => least(greatest(u.pack_newest_ms::float8 - u.time_ms, 0), 86400000) / 1000) AS at
                FROM undated AS u
                WHERE u.group_id = l.group_id AND u.reason <> 'far_week'
                    AND u.arrived_at >= begins AND u.arrived_at <= ends + 2 * p.step + INTERVAL '1 day' OFFSET 0
            ) AS x
            UNION ALL
            SELECT tstzrange(x.at - p.half, x.at + p.half)
            FROM (
                SELECT to_timestamp(u.time_ms / 1000.0) AS at FROM undated AS u
                WHERE u.group_id = l.group_id AND u.reason = 'far_week'
                    AND u.time_ms BETWEEN (extract(epoch FROM begins - 2 * p.step) * 1000)::int8
                        AND (extract(epoch FROM ends + 2 * p.step) * 1000)::int8 OFFSET 0
            ) AS x
        ) AS u
        GROUP BY l.group_id
    ), told AS MATERIALIZED (
        -- Groups of which the same is known have one mask: it may be of thousands of spans, and the groups hundreds.
        SELECT l.node_id, l.shortest_s, l.device, coalesce(a.undated, '{}') AS undated, array_agg(l.group_id) AS group_ids,
            row_number() OVER () AS mask_id
        FROM lacking AS l LEFT JOIN apart AS a ON a.group_id = l.group_id
        GROUP BY 1, 2, 3, 4
    ), mask AS (
        SELECT t.mask_id, t.undated,
            coalesce(w.off, '{}') + coalesce(d.off, '{}') AS off, coalesce(w.bus, '{}') + coalesce(d.bus, '{}') AS bus,
            coalesce(w.evicted, '{}') + coalesce(d.evicted, '{}') AS evicted,
            coalesce(w.thinned, '{}') + coalesce(d.thinned, '{}') AS thinned,
            coalesce(w.refused, '{}') AS refused, coalesce(w.coming, '{}') AS coming, coalesce(w.silent, '{}') AS silent
        FROM told AS t
        LEFT JOIN spoken AS w ON w.node_id = t.node_id AND w.shortest_s = t.shortest_s AND w.device IS NULL
        LEFT JOIN spoken AS d ON d.node_id = t.node_id AND d.shortest_s = t.shortest_s AND d.device = t.device
    ), reason AS MATERIALIZED (
        -- Each instant has one cause: the first of these.
        SELECT m.mask_id, c.cause, x.lows, x.highs
        FROM mask AS m CROSS JOIN LATERAL (VALUES
            ('agent_off', m.off),
            ('bus_error', m.bus - m.off),
            ('evicted', m.evicted - m.bus - m.off),
            ('thinned', m.thinned - m.evicted - m.bus - m.off),
            ('refused', m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('undated', m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('on_its_way', m.coming - m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('no_word', m.silent - m.coming - m.undated - m.refused - m.thinned - m.evicted - m.bus - m.off),
            ('unexplained', tstzmultirange(tstzrange(NULL, NULL))
                - (m.silent + m.coming + m.undated + m.refused + m.thinned + m.evicted + m.bus + m.off))
        ) AS c (cause, mask)
        CROSS JOIN LATERAL (
            SELECT array_agg(coalesce(lower(y.span), '-infinity') ORDER BY y.span) AS lows,
                array_agg(coalesce(upper(y.span), 'infinity') ORDER BY y.span) AS highs
            FROM unnest(c.mask) AS y (span)
        ) AS x
        WHERE NOT isempty(c.mask)
    )
    -- Both bounds of a mask's spans ascend: which of thousands a stretch meets is found by halving.
    SELECT s.group_id, r.cause, s.lo + make_interval(secs => run.first * s.step_s), s.step_s, (run.last - run.first + 1)::int8
    FROM stretch AS s
    JOIN (SELECT t.mask_id, m.group_id FROM told AS t CROSS JOIN LATERAL unnest(t.group_ids) AS m (group_id)) AS t
        ON t.group_id = s.group_id
    JOIN reason AS r ON r.mask_id = t.mask_id
    CROSS JOIN LATERAL generate_series(
        1 + width_bucket(s.lo + make_interval(secs => s.least * s.step_s - 0.001), r.highs),
        width_bucket(s.lo + make_interval(secs => s.most * s.step_s + 0.001), r.lows)) AS part (at)
    CROSS JOIN LATERAL (
        SELECT greatest(s.least, ceil(extract(epoch FROM greatest(r.lows[part.at], s.lo) - s.lo)::float8 / s.step_s - 1e-9)) AS first,
            least(s.most, ceil(extract(epoch FROM
                least(r.highs[part.at], s.hi + make_interval(secs => s.step_s)) - s.lo)::float8 / s.step_s - 1e-9) - 1) AS last
    ) AS run
    WHERE s.least <= s.most AND run.first <= run.last;
END
$$;
