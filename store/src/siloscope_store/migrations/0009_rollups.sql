-- depends: 0008_undated_twins
-- Roll-ups: per group and five minutes, hour or day what its samples held. An hour is a UTC hour, a day the site's local
-- date. Only closed buckets are here; what is open is computed from samples when somebody asks.

CREATE FUNCTION create_rollup_table(relation text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    flavour text := storage_flavour();
BEGIN
    EXECUTE format(
        'CREATE TABLE %I (group_id int4 NOT NULL, samples int4 NOT NULL, bucket timestamptz NOT NULL, counts int4[] NOT NULL, '
        'minimum float8[] NOT NULL, maximum float8[] NOT NULL, mean float8[] NOT NULL, last float8[] NOT NULL, '
        'resultant float8[], first float8[], increase float8[], reasons jsonb, '
        'CONSTRAINT %I PRIMARY KEY (group_id, bucket)) %s',
        relation, relation || '_pkey', CASE flavour WHEN 'plain' THEN 'PARTITION BY RANGE (bucket)' ELSE '' END);
    IF flavour <> 'plain' THEN
        PERFORM create_hypertable(relation::regclass, 'bucket', chunk_time_interval => INTERVAL '7 days',
                                  create_default_indexes => false);
    END IF;
    -- As for samples: when to compress is decided by our own scheduled job.
    IF flavour = 'timescale_community' THEN
        EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = ''group_id'', '
                       'timescaledb.compress_orderby = ''bucket'')', relation);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION create_rollup_table(text) FROM PUBLIC;

DO $$
BEGIN
    PERFORM create_rollup_table('rollup_m5');
    PERFORM create_rollup_table('rollup_hour');
END
$$;
COMMENT ON TABLE rollup_m5 IS 'five minutes, for groups that are read every 15 s or oftener; columns as in rollup_hour';
COMMENT ON TABLE rollup_hour IS
    'arrays by position; a value counts where it is not failed; NULL where a position has none, or where a column does not apply to any channel of the group';
COMMENT ON COLUMN rollup_hour.mean IS 'of a direction: of the mean vector, NULL where opposite ones cancel out';
COMMENT ON COLUMN rollup_hour.resultant IS 'of a direction: length of the mean vector, 0 to 1';
COMMENT ON COLUMN rollup_hour.first IS 'of a counter: its first value; with the bucket before it gives what the border between them adds';
COMMENT ON COLUMN rollup_hour.increase IS 'of a counter: sum of its increments within the bucket, where a smaller value is a reset to 0';
COMMENT ON COLUMN rollup_hour.reasons IS '{"<position>": {"<quality code>": <readings>}} of all that is not good';

CREATE TABLE rollup_day (
    group_id int4 NOT NULL,
    day date NOT NULL,
    samples int4 NOT NULL,
    counts int4[] NOT NULL,
    minimum float8[] NOT NULL,
    maximum float8[] NOT NULL,
    mean float8[] NOT NULL,
    last float8[] NOT NULL,
    resultant float8[],
    first float8[],
    increase float8[],
    reasons jsonb,
    PRIMARY KEY (group_id, day)
);
COMMENT ON TABLE rollup_day IS 'the local date of the site, 23 to 25 hours long; columns as in rollup_hour';

CREATE FUNCTION ensure_rollup_partitions(relation text, times timestamptz[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    span timestamptz;
    child text;
BEGIN
    IF relation NOT IN ('rollup_m5', 'rollup_hour') THEN
        RAISE EXCEPTION 'no roll-up table is named %', relation USING ERRCODE = 'undefined_table';
    END IF;
    IF (SELECT relkind FROM pg_class WHERE oid = relation::regclass) <> 'p' OR NOT EXISTS (SELECT FROM missing_spans(relation, times)) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('siloscope partitions of ' || relation, 0));
    FOR span IN SELECT missing_spans(relation, times) LOOP
        child := relation || to_char(span AT TIME ZONE 'UTC', '_YYYYMMDD');
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, relation);
        EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       relation, child, span, span + INTERVAL '168 hours');
    END LOOP;
END
$$;
REVOKE EXECUTE ON FUNCTION ensure_rollup_partitions(text, timestamptz[]) FROM PUBLIC;

-- Which instants a bucket has closed before, and how far each level is computed. Both are rows that one job moves on.
CREATE TABLE rollup_horizon (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    closed_to timestamptz NOT NULL,
    settled_to timestamptz NOT NULL
);
COMMENT ON COLUMN rollup_horizon.closed_to IS 'whoever writes a sample older than this marks its hour in rollup_touched';
COMMENT ON COLUMN rollup_horizon.settled_to IS 'every transaction that may have read an older closed_to has ended';

CREATE TABLE rollup_progress (
    level text NOT NULL CHECK (level IN ('m5', 'hour', 'day')),
    zone text NOT NULL DEFAULT '',
    done_to timestamptz NOT NULL,
    going_to timestamptz,
    group_done int4 NOT NULL DEFAULT 0,
    PRIMARY KEY (level, zone)
);
COMMENT ON TABLE rollup_progress IS 'up to done_to for every group, up to going_to for groups up to group_done; days by time zone';

CREATE TABLE rollup_m5_group (
    group_id int4 PRIMARY KEY,
    since timestamptz NOT NULL
);
COMMENT ON TABLE rollup_m5_group IS 'groups that have rollup_m5, and from when on it is complete';

-- No key, no index: marks are only ever added, and taken by the job that recomputes what they name.
CREATE TABLE rollup_touched (
    group_id int4 NOT NULL,
    bucket timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);

CREATE TABLE rollup_rebuild (
    rebuild_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id int4 NOT NULL,
    group_done int4 NOT NULL DEFAULT 0,
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE rollup_rebuild IS 'sites whose days are to be made anew: their time zone was corrected';

CREATE TABLE rollup_frozen (
    org_id int4 NOT NULL REFERENCES organisation,
    retention_class text NOT NULL CHECK (retention_class IN ('measurements', 'vitals')),
    before timestamptz NOT NULL,
    PRIMARY KEY (org_id, retention_class)
);
COMMENT ON TABLE rollup_frozen IS
    'samples before this may have been dropped: roll-ups that begin before it are kept as they are. Who drops samples moves it first, who restores them moves it back';

ALTER TABLE rollup_day ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_horizon ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_m5_group ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_touched ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_rebuild ENABLE ROW LEVEL SECURITY;
ALTER TABLE rollup_frozen ENABLE ROW LEVEL SECURITY;

CREATE FUNCTION touch_rollups(group_ids int4[], times timestamptz[]) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO rollup_touched (group_id, bucket)
    SELECT DISTINCT u.group_id, date_bin(INTERVAL '1 hour', u."time", TIMESTAMPTZ '1970-01-01 00:00:00+00')
    FROM unnest(group_ids, times) AS u (group_id, "time")
$$;
COMMENT ON FUNCTION touch_rollups(int4[], timestamptz[]) IS
    'call it in the transaction that adds, changes or removes these samples: their roll-ups are computed again';

CREATE FUNCTION touch_rollups_between(group_ids int4[], begins timestamptz, ends timestamptz) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO rollup_touched (group_id, bucket)
    SELECT g, hour
    FROM unnest(group_ids) AS g
    CROSS JOIN generate_series(
        date_bin(INTERVAL '1 hour', begins, TIMESTAMPTZ '1970-01-01 00:00:00+00'), ends - INTERVAL '1 microsecond', INTERVAL '1 hour'
    ) AS hour
$$;
COMMENT ON FUNCTION touch_rollups_between(int4[], timestamptz, timestamptz) IS 'the same for every hour that meets [begins, ends)';

REVOKE EXECUTE ON FUNCTION touch_rollups(int4[], timestamptz[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION touch_rollups_between(int4[], timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION day_start(day date, zone text) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- Where clocks go back over midnight, the cast gives the second of two midnights; the day begins at the first.
    -- One expression, so that the planner takes it into the query.
    SELECT day::timestamp AT TIME ZONE zone - CASE
        WHEN ((day::timestamp AT TIME ZONE zone - INTERVAL '1 hour') AT TIME ZONE zone)::date = day THEN INTERVAL '1 hour'
        WHEN ((day::timestamp AT TIME ZONE zone - INTERVAL '30 minutes') AT TIME ZONE zone)::date = day THEN INTERVAL '30 minutes'
        ELSE INTERVAL '0'
    END
$$;
COMMENT ON FUNCTION day_start(date, text) IS
    'when a local date begins: the first instant whose date it is there; that of the next day where clocks skip a whole day';

-- A site's days change with its zone: whoever changes it, the job learns of it.
CREATE FUNCTION rebuild_days_of_site() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO rollup_rebuild (site_id) VALUES (NEW.site_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER site_zone_given AFTER INSERT ON site
    FOR EACH ROW EXECUTE FUNCTION rebuild_days_of_site();
CREATE TRIGGER site_zone_corrected AFTER UPDATE OF time_zone ON site
    FOR EACH ROW WHEN (OLD.time_zone <> NEW.time_zone) EXECUTE FUNCTION rebuild_days_of_site();
INSERT INTO rollup_rebuild (site_id) SELECT site_id FROM site;

CREATE FUNCTION uncertain_readings(reasons jsonb, place int2) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(sum(n::int8) FILTER (WHERE code::int4 < 200), 0)::int8
    FROM jsonb_each_text(reasons -> place::text) AS of_position (code, n)
$$;
CREATE FUNCTION bad_readings(reasons jsonb, place int2) RETURNS int8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(sum(n::int8) FILTER (WHERE code::int4 >= 200), 0)::int8
    FROM jsonb_each_text(reasons -> place::text) AS of_position (code, n)
$$;

-- One row per channel and closed hour, or local date. The place is the one where the channel was when the bucket began.
CREATE VIEW reading_hour WITH (security_barrier) AS
SELECT
    o.slug AS organisation, s.slug AS site, p.slug AS place, n.slug AS node, d.slug AS device, c.key AS channel,
    c.channel_id, c.quantity, c.unit, pl.cable, pl.level, pl.spot,
    x.bucket AS hour,
    coalesce(x.counts[c.position + 1], 0) AS count,
    uncertain_readings(x.reasons, c.position) AS uncertain,
    bad_readings(x.reasons, c.position) AS bad,
    x.minimum[c.position + 1] AS min,
    x.mean[c.position + 1] AS mean,
    x.maximum[c.position + 1] AS max,
    x.last[c.position + 1] AS last,
    x.resultant[c.position + 1] AS resultant,
    x.first[c.position + 1] AS first,
    x.increase[c.position + 1] AS increase
FROM channel AS c
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
JOIN rollup_hour AS x ON x.group_id = c.group_id
LEFT JOIN placement AS pl
    ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> x.bucket
LEFT JOIN place AS p ON p.place_id = pl.place_id
WHERE c.org_id = ANY ((SELECT visible_organisations())::int4[])
    AND (x.counts[c.position + 1] > 0 OR x.reasons ? c.position::text);
COMMENT ON VIEW reading_hour IS 'every channel of your organisation by closed UTC hour';

CREATE VIEW reading_day WITH (security_barrier) AS
SELECT
    o.slug AS organisation, s.slug AS site, p.slug AS place, n.slug AS node, d.slug AS device, c.key AS channel,
    c.channel_id, c.quantity, c.unit, pl.cable, pl.level, pl.spot,
    x.day,
    coalesce(x.counts[c.position + 1], 0) AS count,
    uncertain_readings(x.reasons, c.position) AS uncertain,
    bad_readings(x.reasons, c.position) AS bad,
    x.minimum[c.position + 1] AS min,
    x.mean[c.position + 1] AS mean,
    x.maximum[c.position + 1] AS max,
    x.last[c.position + 1] AS last,
    x.resultant[c.position + 1] AS resultant,
    x.first[c.position + 1] AS first,
    x.increase[c.position + 1] AS increase
FROM channel AS c
JOIN device AS d ON d.device_id = c.device_id
JOIN node AS n ON n.node_id = d.node_id
JOIN site AS s ON s.site_id = n.site_id
JOIN organisation AS o ON o.org_id = c.org_id
JOIN rollup_day AS x ON x.group_id = c.group_id
LEFT JOIN placement AS pl
    ON pl.node_id = d.node_id AND pl.device = d.slug AND pl.channel = c.key AND pl.during @> day_start(x.day, s.time_zone)
LEFT JOIN place AS p ON p.place_id = pl.place_id
WHERE c.org_id = ANY ((SELECT visible_organisations())::int4[])
    AND (x.counts[c.position + 1] > 0 OR x.reasons ? c.position::text);
COMMENT ON VIEW reading_day IS 'every channel of your organisation by closed day, the local date of its site';
