-- depends: 0015_session_secret
-- Which instants a file of the archive covers: its date in the time zone that its site had when it was made, so that a
-- corrected zone leaves no hour without a file. Workers of the version before leave it empty: such a file is made again
-- before anything of its day goes.

ALTER TABLE archive_file ADD COLUMN during tstzrange;
COMMENT ON COLUMN archive_file.during IS 'what is stored of these instants is in the file; NULL = not known';

UPDATE archive_file AS f
SET during = tstzrange(day_start(f.day, s.time_zone), day_start(f.day + 1, s.time_zone))
FROM site AS s WHERE s.site_id = f.site_id;
