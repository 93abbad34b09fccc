-- depends: 0016_archive_bounds
-- Groups whose every hour is to be rolled up again. The first roll-up of a database with a long history puts all groups
-- here, so that it marks some at a time instead of all in one transaction; a corrected quantity puts its group here.

CREATE TABLE rollup_touched_group (
    group_id int4 NOT NULL
);
COMMENT ON TABLE rollup_touched_group IS 'groups whose hours wait to be put into rollup_touched; only ever added to, but by the job that takes them';

ALTER TABLE rollup_touched_group ENABLE ROW LEVEL SECURITY;

-- What was an amount may be a direction or a counter now, which roll up differently.
CREATE FUNCTION roll_group_up_again() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO rollup_touched_group (group_id) VALUES (NEW.group_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER channel_quantity_corrected AFTER UPDATE OF quantity ON channel
    FOR EACH ROW WHEN (OLD.quantity <> NEW.quantity) EXECUTE FUNCTION roll_group_up_again();
