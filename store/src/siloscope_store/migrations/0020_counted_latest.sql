-- depends: 0018_alerting
-- Whoever looks at newest values now and then learns from `latest` whether there was anything else since, and from the
-- samples themselves which of them were committed since. Workers of the version before do not count: then one looks.

ALTER TABLE latest ADD COLUMN changes int8 NOT NULL DEFAULT 0;
COMMENT ON COLUMN latest.changes IS
    'grows by one with each transaction that brings one sample of the group, and by more with one that brings several: who finds it one higher, and a newer time, has missed nothing';

CREATE FUNCTION committed_since(stored_by xid, horizon pg_snapshot) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    -- A row bears the lower half of its transaction's number; the upper one is that of whoever is nearest to the horizon.
    -- One expression without FROM, so that it becomes part of the query that asks: a call a row would cost twenty times as much.
    SELECT NOT pg_visible_in_snapshot((
        pg_snapshot_xmax(horizon)::text::int8 - 2147483648
            + ((stored_by::text::int8 - pg_snapshot_xmax(horizon)::text::int8 + 2147483648) & 4294967295)
    )::text::xid8, horizon)
$$;
COMMENT ON FUNCTION committed_since(xid, pg_snapshot) IS
    'whether the transaction that wrote a row (its xmin) was not yet seen by a snapshot of the last thousand million transactions';
