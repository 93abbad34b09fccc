-- depends: 0014_relative_messages
-- Ingest connects to its broker under client ids that follow from this: whoever knows a client id can push its session
-- off, so nobody else may know them; and they stay the same when ingest gets another credential, so that the broker does
-- not keep messages for a session that nobody will ever open again.

ALTER TABLE store_identity ADD COLUMN session_secret uuid NOT NULL DEFAULT gen_random_uuid();
