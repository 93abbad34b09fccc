-- depends: 0018_alerting
-- What nodes should be and are told to do. The tables are the outbox: what is written here is published by the gateway,
-- now or when the broker is back, and what nodes answer comes back here. Only adds.

ALTER TABLE broker_credential DROP CONSTRAINT broker_credential_kind_check;
ALTER TABLE broker_credential ADD CONSTRAINT broker_credential_kind_check
    CHECK (kind IN ('node', 'site', 'ingest', 'monitor', 'gateway'));

CREATE TABLE node_config_version (
    node_id int4 NOT NULL REFERENCES node,
    version int4 NOT NULL CHECK (version > 0),
    org_id int4 NOT NULL REFERENCES organisation,
    document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
    confirm_within_s float8 NOT NULL CHECK (confirm_within_s BETWEEN 1 AND 3600),
    may_be_silent text[] NOT NULL DEFAULT '{}',
    author text NOT NULL,
    comment text NOT NULL DEFAULT '',
    at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    outcome text,
    reasons text[] NOT NULL DEFAULT '{}',
    outcome_at timestamptz,
    PRIMARY KEY (node_id, version)
);
CREATE INDEX node_config_unpublished_idx ON node_config_version (node_id) WHERE published_at IS NULL;
COMMENT ON COLUMN node_config_version.document IS 'what differs from the file at the site; a version is never changed';
COMMENT ON COLUMN node_config_version.published_at IS 'when the broker acknowledged it; NULL = it has not yet';
COMMENT ON COLUMN node_config_version.outcome IS 'what the node said of it last; outcome_at is when that arrived';

CREATE TABLE node_config_state (
    node_id int4 PRIMARY KEY REFERENCES node,
    org_id int4 NOT NULL REFERENCES organisation,
    state jsonb NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN node_config_state.state IS 'siloscope_contract.desired.ConfigState as it came last';

CREATE TABLE node_command (
    command_id text PRIMARY KEY CHECK (command_id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    org_id int4 NOT NULL REFERENCES organisation,
    node_id int4 NOT NULL REFERENCES node,
    kind text NOT NULL,
    arguments jsonb NOT NULL DEFAULT '{}',
    issuer text NOT NULL,
    issued_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL CHECK (expires_at > issued_at),
    sent_at timestamptz,
    sends int4 NOT NULL DEFAULT 0,
    outcome text CHECK (outcome IN ('done', 'failed', 'refused')),
    result jsonb,
    bundle bytea,
    ended_at timestamptz
);
CREATE INDEX node_command_node_idx ON node_command (node_id, issued_at);
CREATE INDEX node_command_open_idx ON node_command (expires_at) WHERE outcome IS NULL;
COMMENT ON COLUMN node_command.sent_at IS 'when the broker acknowledged it last; it is sent again until there is a result or it has expired';
COMMENT ON COLUMN node_command.bundle IS 'diagnostics, zlib-compressed JSON without secrets; of the newest few commands of a node';

-- No policy: closed to everybody but the owner; people ask the API.
ALTER TABLE node_config_version ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_config_state ENABLE ROW LEVEL SECURITY;
ALTER TABLE node_command ENABLE ROW LEVEL SECURITY;
