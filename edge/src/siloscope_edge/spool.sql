-- The spool's file. A pack's number is its epoch's ordinal and its seq in one integer, so that the table itself is in
-- the order of age and needs no second index: fewer pages are written per commit, which is kind to flash.

-- name: schema
CREATE TABLE IF NOT EXISTS epoch (
    ordinal INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    opened_ms INTEGER NOT NULL,
    next_seq INTEGER NOT NULL,      -- kept up to date for closed epochs; of the open one the packs tell
    accounted TEXT NOT NULL,        -- JSON ranges of what the confirmed generation holds
    boot TEXT                       -- id of the boot that its instants without a date count from
);
CREATE TABLE IF NOT EXISTS pack (
    number INTEGER PRIMARY KEY,     -- ordinal << 40 | seq
    first_ms INTEGER,
    last_ms INTEGER,                -- NULL: gap records only
    spooled_ms INTEGER NOT NULL,
    gaps INTEGER NOT NULL,          -- how many gap records it carries: they are declared again if it is evicted
    dated INTEGER NOT NULL DEFAULT 1, -- 0: its instants count from the boot, and it must not be sent; 1: by a clock
                                      -- that was right; 2: provisionally. What is dated is never dated again
    thinned_to_ms INTEGER NOT NULL DEFAULT 0, -- its samples are at least so far apart, since the spool was full
    payload BLOB NOT NULL
);
-- How a boot's instants get their dates.
CREATE TABLE IF NOT EXISTS boot (
    boot TEXT PRIMARY KEY,
    base_ms INTEGER NOT NULL,       -- the wall clock at its instant 0
    known INTEGER NOT NULL,         -- 1: a synchronised clock said so
    at_boot_ms INTEGER NOT NULL,    -- when that was, since the boot
    final INTEGER NOT NULL          -- 0: the best guess so far
);
-- What left the spool and when it was of, an hour to a row: a database that goes back in time asks about it again.
CREATE TABLE IF NOT EXISTS departed (
    first INTEGER PRIMARY KEY,
    following INTEGER NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS confirmed (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    store TEXT NOT NULL,
    generation TEXT NOT NULL
);

-- name: pack_columns
SELECT name FROM pragma_table_info('pack');

-- name: epoch_columns
SELECT name FROM pragma_table_info('epoch');

-- name: add_boot
ALTER TABLE epoch ADD COLUMN boot TEXT;

-- name: add_dated
ALTER TABLE pack ADD COLUMN dated INTEGER NOT NULL DEFAULT 1;

-- name: add_thinned_to_ms
ALTER TABLE pack ADD COLUMN thinned_to_ms INTEGER NOT NULL DEFAULT 0;

-- name: index_undated
CREATE INDEX IF NOT EXISTS pack_undated ON pack (number) WHERE dated = 0;

-- name: insert_epoch
INSERT INTO epoch (ordinal, epoch, opened_ms, next_seq, accounted, boot) VALUES (?, ?, ?, 1, '[]', ?);

-- name: epochs
SELECT ordinal, epoch, opened_ms, next_seq, accounted FROM epoch ORDER BY ordinal;

-- name: bounds
SELECT min(number), max(number) FROM pack WHERE number >= ? AND number < ?;

-- name: update_epoch
UPDATE epoch SET next_seq = ?, accounted = ? WHERE ordinal = ?;

-- name: delete_epoch
DELETE FROM epoch WHERE ordinal = ?;

-- name: insert_pack
INSERT INTO pack (number, first_ms, last_ms, spooled_ms, gaps, payload, dated, thinned_to_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: payload
SELECT payload FROM pack WHERE number = ?;

-- name: packs
SELECT number, payload FROM pack ORDER BY number;

-- name: packs_below
SELECT number, last_ms, dated, payload FROM pack WHERE number < ? ORDER BY number DESC LIMIT ?;

-- name: newest_sample
SELECT last_ms FROM pack WHERE last_ms IS NOT NULL ORDER BY number DESC LIMIT 1;

-- name: newest_known
SELECT last_ms FROM pack WHERE last_ms IS NOT NULL AND dated = 1 ORDER BY number DESC LIMIT 1;

-- name: undated_ordinals
SELECT ordinal, boot FROM epoch WHERE ordinal IN (SELECT number >> 40 FROM pack WHERE dated = 0) ORDER BY ordinal;

-- name: undated_numbers
SELECT number FROM pack WHERE dated = 0 ORDER BY number;

-- name: boot_of_epoch
SELECT boot FROM epoch WHERE ordinal = ?;

-- name: undated
SELECT number, spooled_ms, payload FROM pack WHERE number >= ? AND number < ? AND dated = 0 ORDER BY number LIMIT ?;

-- name: give_dates
UPDATE pack SET first_ms = ?, last_ms = ?, spooled_ms = ?, payload = ?, dated = ? WHERE number = ? AND dated = 0;

-- name: boot
SELECT boot, base_ms, known, at_boot_ms, final FROM boot WHERE boot = ?;

-- name: remember_boot
INSERT OR REPLACE INTO boot (boot, base_ms, known, at_boot_ms, final) VALUES (?, ?, ?, ?, ?);

-- name: forget_boots
DELETE FROM boot WHERE boot NOT IN (SELECT boot FROM epoch WHERE boot IS NOT NULL);

-- name: oldest
SELECT number, first_ms, last_ms, spooled_ms, gaps, length(payload), thinned_to_ms FROM pack
WHERE number >= ? AND number < ? ORDER BY number LIMIT ?;

-- name: delete_packs
DELETE FROM pack WHERE number >= ? AND number < ?;

-- name: pack_times
SELECT coalesce(first_ms, spooled_ms), coalesce(last_ms, spooled_ms) FROM pack WHERE number = ?;

-- name: opened
SELECT opened_ms FROM epoch WHERE ordinal = ?;

-- name: newest_departed
SELECT first, from_ms, to_ms FROM departed WHERE following = ? ORDER BY first DESC LIMIT 1;

-- name: extend_departed
UPDATE departed SET following = ?, from_ms = ?, to_ms = ? WHERE first = ?;

-- name: insert_departed
INSERT OR REPLACE INTO departed (first, following, from_ms, to_ms) VALUES (?, ?, ?, ?);

-- name: departed_times
SELECT min(from_ms), max(to_ms) FROM departed WHERE following > ? AND first < ?;

-- name: delete_departed
DELETE FROM departed WHERE first >= ? AND first < ?;

-- name: confirmed
SELECT store, generation FROM confirmed;

-- name: confirm
INSERT INTO confirmed (only_row, store, generation) VALUES (1, ?, ?)
ON CONFLICT (only_row) DO UPDATE SET store = excluded.store, generation = excluded.generation;
