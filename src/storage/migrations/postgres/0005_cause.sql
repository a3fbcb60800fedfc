-- The delivery from which a job of our own or a forge call comes, over any number of steps; null where
-- nobody sent anything (a timer, a sweep) and where that delivery is forgotten.
ALTER TABLE job ADD COLUMN cause BIGINT;
ALTER TABLE outbox ADD COLUMN cause BIGINT;
CREATE INDEX outbox_cause ON outbox (cause) WHERE cause IS NOT NULL;
CREATE INDEX job_cause ON job (cause) WHERE cause IS NOT NULL;
