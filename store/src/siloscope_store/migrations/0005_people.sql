-- depends: 0001_entities
-- Who may do what, and who did. No secret is stored: passwords as argon2id, tokens and broker passwords as hashes.

CREATE TABLE app_user (
    user_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 NOT NULL REFERENCES organisation,
    username text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    role text NOT NULL DEFAULT 'viewer' CHECK (role IN ('administrator', 'operator', 'viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz
);

CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    family uuid NOT NULL,
    org_id int4 NOT NULL REFERENCES organisation,
    user_id int4 NOT NULL REFERENCES app_user ON DELETE CASCADE,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX refresh_token_family_idx ON refresh_token (family);
CREATE INDEX refresh_token_user_idx ON refresh_token (user_id);
COMMENT ON COLUMN refresh_token.family IS 'one login; a token that is used twice was stolen, and ends its whole family';

CREATE TABLE broker_credential (
    credential_id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 REFERENCES organisation,
    kind text NOT NULL CHECK (kind IN ('node', 'site', 'ingest', 'monitor')),
    site_id int4 REFERENCES site,
    node_id int4 REFERENCES node,
    username text NOT NULL UNIQUE,
    nats_hash text,
    mosquitto_hash text,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    CHECK ((kind = 'node') = (node_id IS NOT NULL)),
    CHECK (kind NOT IN ('node', 'site') OR (org_id IS NOT NULL AND site_id IS NOT NULL))
);

CREATE TABLE audit (
    audit_id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id int4 REFERENCES organisation,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_org_id_idx ON audit (org_id, at);
