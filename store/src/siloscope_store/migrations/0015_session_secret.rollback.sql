ALTER TABLE store_identity DROP COLUMN session_secret;
