DROP TABLE node_command;
DROP TABLE node_config_state;
DROP TABLE node_config_version;
DELETE FROM broker_credential WHERE kind = 'gateway';
ALTER TABLE broker_credential DROP CONSTRAINT broker_credential_kind_check;
ALTER TABLE broker_credential ADD CONSTRAINT broker_credential_kind_check
    CHECK (kind IN ('node', 'site', 'ingest', 'monitor'));
