-- depends: 0010_completeness
-- The clock guard and the quarantine's shelf. Only adds: workers of the version before meet nothing in another shape.

ALTER TABLE undated
    ADD COLUMN reason text NOT NULL DEFAULT 'out_of_window',
    ADD COLUMN pack_newest_ms int8;
COMMENT ON COLUMN undated.pack_newest_ms IS 'of the undated samples that came with it, the time of the newest; NULL = its own';
CREATE INDEX undated_node_idx ON undated (org_id, node_id, undated_id);
COMMENT ON COLUMN undated.reason IS
    'out_of_window = further from its arrival than is believed; far_week = of a week that may not be opened today';

-- Weeks far from now that were opened because a sample asked for them; how many a day is bounded.
CREATE TABLE span_grant (
    relation text NOT NULL,
    span_start timestamptz NOT NULL,
    node_id int4 REFERENCES node,
    walk boolean NOT NULL DEFAULT false,
    granted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (relation, span_start)
);
COMMENT ON COLUMN span_grant.walk IS 'the node came to it from the week beside it, as a long backlog does';

CREATE TABLE node_clock_event (
    event_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    node_id int4 NOT NULL REFERENCES node,
    kind text NOT NULL CHECK (kind IN ('ahead', 'step_back', 'step_forward', 'drift')),
    offset_s float8 NOT NULL,
    before_s float8,
    since timestamptz NOT NULL,
    until timestamptz
);
CREATE UNIQUE INDEX node_clock_event_open ON node_clock_event (node_id, kind) WHERE until IS NULL;
CREATE INDEX node_clock_event_node_idx ON node_clock_event (org_id, node_id, event_id);
COMMENT ON TABLE node_clock_event IS 'what a node''s clock did, as its arrivals show; the newest 100 of a node are kept';
COMMENT ON COLUMN node_clock_event.offset_s IS 'sample time minus arrival, in seconds: above 0 the clock is ahead';
COMMENT ON COLUMN node_clock_event.before_s IS 'the offset before a step or a drift';
COMMENT ON COLUMN node_clock_event.until IS 'NULL = it still is so';

ALTER TABLE quarantine
    ADD COLUMN last_seen_at timestamptz,
    ADD COLUMN replay_requested_at timestamptz,
    ADD COLUMN replayed_at timestamptz;
CREATE INDEX quarantine_replay_idx ON quarantine (quarantine_id) WHERE replay_requested_at IS NOT NULL;
COMMENT ON COLUMN quarantine.last_seen_at IS 'when it came last; NULL = once, at received_at';
COMMENT ON COLUMN quarantine.replayed_at IS 'when it was tried again last, and was refused again';

CREATE TABLE quarantine_withheld (
    org_id int4 REFERENCES organisation,
    node_id int4 REFERENCES node,
    hour timestamptz NOT NULL,
    reason text NOT NULL,
    messages int8 NOT NULL,
    bytes int8 NOT NULL,
    UNIQUE NULLS NOT DISTINCT (org_id, node_id, hour, reason)
);
COMMENT ON TABLE quarantine_withheld IS 'refused messages that were only counted: their node had filled its share of the minute';

ALTER TABLE span_grant ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_clock_event ENABLE ROW LEVEL SECURITY;
ALTER TABLE quarantine_withheld ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON node_clock_event FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
