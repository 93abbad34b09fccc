DROP FUNCTION committed_since(xid, pg_snapshot);
ALTER TABLE latest DROP COLUMN changes;
