-- How far the forge's log of its deliveries was read, by hook: a repository's, or that of our App, which bears
-- the forge's own name.
CREATE TABLE hook (
    name      TEXT   PRIMARY KEY,
    read_at   BIGINT NOT NULL,
    -- The newest attempt that was read, as the forge numbers it; null before anything was read.
    newest    TEXT,
    -- Why the log cannot be read; null where it can.
    hindrance TEXT
);

-- Deliveries that the forge could not hand over. Each is asked for once: that stands here before it is done.
CREATE TABLE lost (
    repo      TEXT   NOT NULL,
    id        TEXT   NOT NULL,
    -- A second id that may have been taken for it at our door.
    also      TEXT,
    hook      TEXT   NOT NULL,
    -- The attempt that is repeated, as the forge numbers it.
    attempt   TEXT   NOT NULL,
    event     TEXT   NOT NULL,
    failed_at BIGINT NOT NULL,
    found_at  BIGINT NOT NULL,
    asked_at  BIGINT,
    -- waiting, asked, refused
    status    TEXT   NOT NULL,
    PRIMARY KEY (repo, id)
);
CREATE INDEX lost_waiting ON lost (hook, failed_at) WHERE status = 'waiting';
CREATE INDEX lost_asked ON lost (hook, asked_at) WHERE asked_at IS NOT NULL;
CREATE INDEX lost_found ON lost (found_at);
