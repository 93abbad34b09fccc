-- depends: 0001_entities
-- One row per sample. A hypertable where TimescaleDB is installed, range partitions made on demand where it is not.
-- Spans (chunks, partitions) are 7 days long and begin at multiples of 7 days since 1970-01-01 in all homes.

CREATE FUNCTION storage_flavour() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN 'plain'
        WHEN current_setting('timescaledb.license', true) = 'timescale' THEN 'timescale_community'
        ELSE 'timescale_apache'
    END
$$;
COMMENT ON FUNCTION storage_flavour() IS 'which of the three homes this is: plain, timescale_apache, timescale_community';

CREATE FUNCTION create_sample_table(relation text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    flavour text := storage_flavour();
BEGIN
    EXECUTE format(
        'CREATE TABLE %I (group_id int4 NOT NULL, "time" timestamptz NOT NULL, "values" float8[] NOT NULL, quality int2[], '
        'CONSTRAINT %I PRIMARY KEY (group_id, "time")) %s',
        relation, relation || '_pkey', CASE flavour WHEN 'plain' THEN 'PARTITION BY RANGE ("time")' ELSE '' END);
    EXECUTE format('COMMENT ON TABLE %I IS %L', relation,
        '"values"[k] is the channel at position k - 1; quality NULL = every value that is not NULL is good');
    IF flavour <> 'plain' THEN
        PERFORM create_hypertable(relation::regclass, 'time', chunk_time_interval => INTERVAL '7 days',
                                  create_default_indexes => false);
    END IF;
    -- Compression is gated by the Community licence; when to compress is decided by our own scheduled job.
    IF flavour = 'timescale_community' THEN
        EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = ''group_id'', '
                       'timescaledb.compress_orderby = ''"time"'')', relation);
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION create_sample_table(text) FROM PUBLIC;

DO $$
BEGIN
    PERFORM create_sample_table('sample');
    PERFORM create_sample_table('sample_vitals');
END
$$;

CREATE FUNCTION span_start("time" timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT date_bin(INTERVAL '7 days', "time", TIMESTAMPTZ '1970-01-01 00:00:00+00') $$;

CREATE FUNCTION missing_spans(relation text, times timestamptz[]) RETURNS SETOF timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = relation::regclass) = 'p' THEN
        RETURN QUERY
            SELECT DISTINCT span_start(t) FROM unnest(times) AS t
            -- By query, not by to_regclass: a name cache may not yet know what another session made a moment ago.
            WHERE NOT EXISTS (
                SELECT FROM pg_class
                WHERE relnamespace = 'public'::regnamespace
                    AND relname = relation || to_char(span_start(t) AT TIME ZONE 'UTC', '_YYYYMMDD'))
            ORDER BY 1;
    ELSE
        RETURN QUERY
            SELECT DISTINCT span_start(t) FROM unnest(times) AS t
            WHERE NOT EXISTS (
                SELECT FROM timescaledb_information.chunks
                WHERE hypertable_schema = 'public' AND hypertable_name = relation AND t >= range_start AND t < range_end)
            ORDER BY 1;
    END IF;
END
$$;

CREATE FUNCTION ensure_partitions(relation text, times timestamptz[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    most CONSTANT integer := 8;
    spans timestamptz[];
    span timestamptz;
    child text;
BEGIN
    IF relation NOT IN ('sample', 'sample_vitals') THEN
        RAISE EXCEPTION 'no sample table is named %', relation USING ERRCODE = 'undefined_table';
    END IF;
    IF NOT EXISTS (SELECT FROM missing_spans(relation, times)) THEN
        RETURN 0;
    END IF;
    -- Two writers that meet a new week at once must not both make its partition.
    PERFORM pg_advisory_xact_lock(hashtextextended('siloscope partitions of ' || relation, 0));
    spans := ARRAY(SELECT missing_spans(relation, times));
    IF cardinality(spans) > most THEN
        RAISE EXCEPTION '% new spans of % in one transaction; at most % are allowed', cardinality(spans), relation, most
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF (SELECT relkind FROM pg_class WHERE oid = relation::regclass) = 'p' THEN
        FOREACH span IN ARRAY spans LOOP
            child := relation || to_char(span AT TIME ZONE 'UTC', '_YYYYMMDD');
            -- ATTACH locks the parent less than CREATE TABLE ... PARTITION OF: readers and writers go on.
            EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, relation);
            EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                           relation, child, span, span + INTERVAL '168 hours');
        END LOOP;
    END IF;
    RETURN coalesce(cardinality(spans), 0);
END
$$;
COMMENT ON FUNCTION ensure_partitions(text, timestamptz[]) IS
    'Makes room for these times and returns how many spans are new; refuses more than 8 (SQLSTATE 54000). On a hypertable it only counts: the write makes the chunk.';
REVOKE EXECUTE ON FUNCTION missing_spans(text, timestamptz[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION ensure_partitions(text, timestamptz[]) FROM PUBLIC;

-- Newest by sample time, per element. It is rewritten all day long: room for HOT updates, no index but the key.
CREATE TABLE latest (
    group_id int4 PRIMARY KEY,
    times timestamptz[] NOT NULL,
    "values" float8[] NOT NULL,
    quality int2[],
    updated_at timestamptz NOT NULL DEFAULT now(),
    changed_by xid8 NOT NULL DEFAULT pg_current_xact_id()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON COLUMN latest.changed_by IS
    'the top-level transaction that wrote this row last (every UPDATE sets it to pg_current_xact_id()): with a snapshot it tells what changed since, also for a transaction that commits late';
