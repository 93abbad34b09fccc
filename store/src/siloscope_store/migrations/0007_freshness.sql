-- depends: 0006_tenancy
-- One place that says when a channel counts as live.

CREATE FUNCTION channel_state("time" timestamptz, quality int2, interval_s float8, now timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE
        WHEN "time" IS NULL THEN 'never'
        WHEN quality >= 200 THEN 'bad'
        WHEN extract(epoch FROM now - "time") > CASE WHEN interval_s IS NULL THEN 900 ELSE greatest(3 * interval_s, 120) END THEN 'stale'
        ELSE 'live'
    END
$$;
COMMENT ON FUNCTION channel_state(timestamptz, int2, float8, timestamptz) IS
    'never, bad, stale (older than 3 intervals and 120 s; 15 minutes where the interval is unknown) or live';
