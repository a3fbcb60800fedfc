-- How often a process ended while it worked on it: no fault of the forge, so nothing waits longer for it,
-- but what ends every process must come to an end too.
ALTER TABLE job ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN interruptions BIGINT NOT NULL DEFAULT 0;
