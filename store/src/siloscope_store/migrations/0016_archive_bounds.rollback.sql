ALTER TABLE archive_file DROP COLUMN during;
