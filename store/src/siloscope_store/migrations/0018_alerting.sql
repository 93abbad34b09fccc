-- depends: 0017_touched_groups
-- Rules, the life of alerts, notifications. Only adds: workers of the version before meet nothing in another shape.
-- Columns of `alert` have two owners: the engine writes what is about the data, people (API, command line, links) write
-- what is about acting on it; neither touches the other's.

ALTER TABLE sample_group ADD COLUMN delivery_s float8 CHECK (delivery_s > 0);
COMMENT ON COLUMN sample_group.delivery_s IS
    'a sample that comes within this after its time is in time, as the profile or birth says; NULL = delivery_allowance(interval_s)';

-- Who evaluates and sends. The row is the lock: its lease runs on the database's clock, and each new holder has a higher
-- term, so that a holder that slept through its lease is refused when it writes.
CREATE TABLE alert_evaluator (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    term int8 NOT NULL DEFAULT 0,
    holder text,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    feed_cursor text,
    evaluated_to timestamptz,
    link_key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
) WITH (fillfactor = 50);
COMMENT ON COLUMN alert_evaluator.feed_cursor IS
    'the snapshot up to which latest was evaluated, written with what followed from it: nothing is read twice or missed';
COMMENT ON COLUMN alert_evaluator.evaluated_to IS 'server time less ingest lag up to which absence was judged';
COMMENT ON COLUMN alert_evaluator.link_key IS 'signs one-tap links';
INSERT INTO alert_evaluator DEFAULT VALUES;

CREATE TABLE ingest_presence (
    worker text PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    broker_connected boolean NOT NULL,
    lag_s float8 NOT NULL DEFAULT 0 CHECK (lag_s >= 0)
) WITH (fillfactor = 50);
COMMENT ON TABLE ingest_presence IS
    'each ingest worker says every few seconds that it runs, hears its broker, and how old the oldest message is that it has not committed: absence is judged by it';

CREATE TABLE alert_rule (
    rule_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    version int4 NOT NULL DEFAULT 1,
    enabled boolean NOT NULL DEFAULT true,
    origin text NOT NULL DEFAULT 'api' CHECK (origin IN ('api', 'file', 'shipped')),
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    UNIQUE (org_id, slug)
);
COMMENT ON COLUMN alert_rule.version IS 'of alert_rule_version, the one that counts';
COMMENT ON COLUMN alert_rule.removed_at IS 'a removed rule keeps its name, versions and alerts; its open alerts resolve as rule_removed';

CREATE TABLE alert_rule_version (
    rule_id int4 NOT NULL REFERENCES alert_rule,
    version int4 NOT NULL,
    org_id int4 NOT NULL REFERENCES organisation,
    document jsonb NOT NULL,
    author text NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rule_id, version)
);
COMMENT ON COLUMN alert_rule_version.document IS 'the rule as siloscope_contract.alerts.Rule; a version is never changed';

-- What one message is about: everything that has the same cause.
CREATE TABLE alert_incident (
    incident_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    cause text NOT NULL CHECK (cause IN ('rule', 'node_silent', 'site_silent', 'flapping', 'retrospective', 'platform', 'test')),
    group_key text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    site_id int4 REFERENCES site,
    node_id int4 REFERENCES node,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    facts jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX alert_incident_open_idx ON alert_incident (org_id, group_key) WHERE closed_at IS NULL;
CREATE INDEX alert_incident_org_idx ON alert_incident (org_id, incident_id);
COMMENT ON COLUMN alert_incident.facts IS 'what the message says and no alert does: how many are silent, what was firing before';

-- One episode of one rule and subject: from pending to resolved.
CREATE TABLE alert (
    alert_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    rule_id int4 NOT NULL REFERENCES alert_rule,
    rule_version int4 NOT NULL,
    subject_kind text NOT NULL CHECK (subject_kind IN ('channel', 'place', 'node', 'site', 'organisation', 'platform')),
    subject_id int4 NOT NULL,
    site_id int4 REFERENCES site,
    node_id int4 REFERENCES node,
    place_id int4 REFERENCES place,
    channel_id int4 REFERENCES channel,
    incident_id int8 REFERENCES alert_incident,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    state text NOT NULL CHECK (state IN ('ok', 'pending', 'firing', 'clearing', 'resolved', 'unknown')),
    reason text NOT NULL,
    retrospective boolean NOT NULL DEFAULT false,
    flapping boolean NOT NULL DEFAULT false,
    inhibited_by int8 REFERENCES alert,
    labels jsonb NOT NULL DEFAULT '{}',
    facts jsonb NOT NULL DEFAULT '{}',
    began_at timestamptz NOT NULL,
    fired_at timestamptz,
    ended_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    acknowledged_at timestamptz,
    acknowledged_by text,
    assigned_to text,
    snoozed_until timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alert_open_idx ON alert (rule_id, subject_kind, subject_id) WHERE ended_at IS NULL;
CREATE INDEX alert_org_idx ON alert (org_id, alert_id);
CREATE INDEX alert_incident_alert_idx ON alert (incident_id);
CREATE INDEX alert_channel_idx ON alert (channel_id, alert_id);
COMMENT ON COLUMN alert.began_at IS 'event time of the first sample that breached; fired_at and ended_at are event times too, changed_at is the server''s';
COMMENT ON COLUMN alert.facts IS 'values that the last transition saw: {"value": 31.2, "level": 30, "unit": "Cel", "at": "…"}';
COMMENT ON COLUMN alert.subject_id IS 'channel_id, place_id, node_id, site_id or org_id, as subject_kind says; 0 of the platform';

CREATE TABLE alert_transition (
    alert_id int8 NOT NULL REFERENCES alert,
    number int4 NOT NULL,
    org_id int4 NOT NULL REFERENCES organisation,
    from_state text NOT NULL,
    to_state text NOT NULL,
    reason text NOT NULL,
    event_at timestamptz NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    facts jsonb NOT NULL DEFAULT '{}',
    term int8 NOT NULL,
    PRIMARY KEY (alert_id, number)
);
COMMENT ON TABLE alert_transition IS 'numbered from 1 within an alert; the key refuses a transition that another evaluator has written already';

-- What the state machine must remember of a subject that is not simply ok; whatever is not here is ok.
CREATE TABLE alert_state (
    rule_id int4 NOT NULL REFERENCES alert_rule,
    subject_kind text NOT NULL,
    subject_id int4 NOT NULL,
    alert_id int8 REFERENCES alert,
    rule_version int4 NOT NULL,
    memory jsonb NOT NULL,
    due_at timestamptz,
    PRIMARY KEY (rule_id, subject_kind, subject_id)
) WITH (fillfactor = 70);
COMMENT ON COLUMN alert_state.memory IS 'siloscope_alerting.life.Memory';
COMMENT ON COLUMN alert_state.due_at IS 'when time alone changes something, in event time';

CREATE TABLE alert_action (
    action_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    alert_id int8 NOT NULL REFERENCES alert,
    kind text NOT NULL CHECK (kind IN ('acknowledge', 'unacknowledge', 'assign', 'comment', 'snooze', 'unsnooze')),
    actor text NOT NULL,
    via text NOT NULL CHECK (via IN ('api', 'command', 'link', 'telegram')),
    body text NOT NULL DEFAULT '',
    until timestamptz,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX alert_action_alert_idx ON alert_action (alert_id, action_id);

CREATE TABLE alert_silence (
    silence_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    kind text NOT NULL CHECK (kind IN ('silence', 'maintenance')),
    selector jsonb NOT NULL,
    begins timestamptz NOT NULL,
    ends timestamptz NOT NULL CHECK (ends > begins),
    repeats text NOT NULL DEFAULT 'never' CHECK (repeats IN ('never', 'daily', 'weekly')),
    author text NOT NULL,
    comment text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    ended_by text
);
CREATE INDEX alert_silence_org_idx ON alert_silence (org_id, ends);
COMMENT ON COLUMN alert_silence.selector IS 'siloscope_contract.alerts.Matcher: rules, severities, labels and what a rule''s selector has';
COMMENT ON COLUMN alert_silence.kind IS 'silence: evaluated, told to nobody; maintenance: what began within it opens nothing either';
COMMENT ON COLUMN alert_silence.repeats IS 'the same local hours again, in the site''s time zone, as a defrost does';

CREATE TABLE notify_channel (
    channel_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    kind text NOT NULL CHECK (kind IN ('email', 'telegram', 'webhook', 'apprise')),
    document jsonb NOT NULL,
    secrets jsonb NOT NULL DEFAULT '{}',
    progress jsonb NOT NULL DEFAULT '{}',
    failing_since timestamptz,
    last_delivered_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    UNIQUE (org_id, slug)
);
COMMENT ON COLUMN notify_channel.secrets IS 'tokens, keys and URLs that hold them; never answered by any route, log or command';
COMMENT ON COLUMN notify_channel.progress IS 'of the service, such as the next Telegram update';

CREATE TABLE notify_route (
    route_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    place int4 NOT NULL DEFAULT 0,
    document jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    removed_at timestamptz,
    UNIQUE (org_id, slug)
);
COMMENT ON COLUMN notify_route.document IS 'siloscope_contract.alerts.Route: matcher, hours, quiet hours, steps, repeat, grouping';
COMMENT ON COLUMN notify_route.place IS 'routes are asked in this order';

-- Where an incident is on a route's ladder.
CREATE TABLE notify_ladder (
    incident_id int8 NOT NULL REFERENCES alert_incident,
    route_id int4 NOT NULL REFERENCES notify_route,
    org_id int4 NOT NULL REFERENCES organisation,
    step int4 NOT NULL DEFAULT 0,
    repeats int4 NOT NULL DEFAULT 0,
    next_at timestamptz,
    PRIMARY KEY (incident_id, route_id)
);
CREATE INDEX notify_ladder_next_idx ON notify_ladder (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE notify_outbox (
    notification_id uuid PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    channel_id int4 NOT NULL REFERENCES notify_channel,
    incident_id int8 REFERENCES alert_incident,
    route_id int4 REFERENCES notify_route,
    step int4 NOT NULL DEFAULT 0,
    kind text NOT NULL CHECK (kind IN ('firing', 'resolved', 'escalated', 'repeated', 'changed', 'retrospective', 'summary', 'digest', 'test', 'channel_failing')),
    dedup_key text NOT NULL UNIQUE,
    payload jsonb NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'delivered', 'held', 'given_up')),
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts int4 NOT NULL DEFAULT 0,
    claimed_term int8,
    delivered_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX notify_outbox_due_idx ON notify_outbox (channel_id, due_at) WHERE state IN ('queued', 'sending');
CREATE INDEX notify_outbox_org_idx ON notify_outbox (org_id, enqueued_at);
CREATE INDEX notify_outbox_incident_idx ON notify_outbox (incident_id);
COMMENT ON COLUMN notify_outbox.notification_id IS 'UUID of dedup_key: the idempotency key of every attempt, and what its Message-ID is made of';
COMMENT ON COLUMN notify_outbox.state IS 'held: over the channel''s limit, and told in the next summary';
COMMENT ON COLUMN notify_outbox.claimed_term IS 'whose attempt is in flight; one of an older term is tried again';

CREATE TABLE notify_attempt (
    notification_id uuid NOT NULL REFERENCES notify_outbox ON DELETE CASCADE,
    number int4 NOT NULL,
    began_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('delivered', 'retry', 'refused')),
    detail text NOT NULL DEFAULT '',
    PRIMARY KEY (notification_id, number)
);
COMMENT ON COLUMN notify_attempt.outcome IS 'NULL = in flight, or its process was killed';

CREATE TABLE notify_digest (
    digest_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    document jsonb NOT NULL,
    next_at timestamptz NOT NULL,
    last_at timestamptz,
    removed_at timestamptz,
    UNIQUE (org_id, slug)
);
COMMENT ON COLUMN notify_digest.document IS 'siloscope_contract.alerts.Digest';

-- Late samples, by quarter of an hour of their time: what the evaluator reads again. Marks are only ever added, by the
-- transaction that stores the samples, and taken by the evaluator; so a late commit is a late mark, never a missed one.
CREATE TABLE alert_late_mark (
    group_id int4 NOT NULL,
    bucket timestamptz NOT NULL,
    arrived_at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 10000);

CREATE FUNCTION mark_late_for_alerts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Where nobody has rules, nobody takes marks.
    IF EXISTS (SELECT FROM alert_rule WHERE removed_at IS NULL) THEN
        INSERT INTO alert_late_mark (group_id, bucket) SELECT group_id, bucket FROM came;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER late_for_alerts_first AFTER INSERT ON sample_late
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION mark_late_for_alerts();
CREATE TRIGGER late_for_alerts_again AFTER UPDATE ON sample_late
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION mark_late_for_alerts();

ALTER TABLE alert_evaluator ENABLE ROW LEVEL SECURITY;
ALTER TABLE ingest_presence ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_rule ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_rule_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_incident ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_transition ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_action ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_silence ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_channel ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_route ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_ladder ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE notify_digest ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert_late_mark ENABLE ROW LEVEL SECURITY;

-- What a tenant's role may read; the others are closed to everybody but the owner.
CREATE POLICY tenant ON alert_rule FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert_rule_version FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert_incident FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert_transition FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert_action FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
CREATE POLICY tenant ON alert_silence FOR SELECT USING (org_id = ANY ((SELECT visible_organisations())::int4[]));
