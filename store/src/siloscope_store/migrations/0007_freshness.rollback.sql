DROP FUNCTION channel_state(timestamptz, int2, float8, timestamptz);
