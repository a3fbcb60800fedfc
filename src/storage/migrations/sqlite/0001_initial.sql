-- Times are milliseconds since 1970-01-01 UTC. Merge requests, repositories and lanes are named as
-- they are written everywhere else: gitlab:12!7, gitlab:12, gitlab.

-- What forges sent. An ignored delivery has no body, only its digest.
CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    forge       TEXT    NOT NULL,
    external_id TEXT    NOT NULL,
    event       TEXT    NOT NULL,
    received_at BIGINT  NOT NULL,
    outcome     TEXT    NOT NULL CHECK (outcome IN ('waiting', 'done', 'ignored', 'dead')),
    reason      TEXT,
    headers     TEXT    NOT NULL,
    digest      TEXT,
    body        BLOB,
    UNIQUE (forge, external_id)
);
CREATE INDEX delivery_received ON delivery (received_at);

-- The unit of order. ready_at is the time from which somebody may claim its oldest job: while a job
-- is out it is the end of the lease; null when nothing waits. token counts claims, so that a late
-- worker can be told from the present one.
CREATE TABLE lane (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    ready_at BIGINT,
    token    BIGINT  NOT NULL,
    leased   BIGINT
);
CREATE INDEX lane_ready ON lane (ready_at) WHERE ready_at IS NOT NULL;

-- What is to be done: a delivery or an event of our own. A job that is done is deleted. delivery is
-- no foreign key: every delivery that is forgotten would have to look for jobs without an index.
CREATE TABLE job (
    id         INTEGER PRIMARY KEY,
    lane       BIGINT  NOT NULL REFERENCES lane (id),
    delivery   BIGINT,
    event      TEXT,
    event_key  BIGINT,
    created_at BIGINT  NOT NULL,
    attempts   BIGINT  NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('waiting', 'dead')),
    error      TEXT,
    ended_at   BIGINT,
    CHECK ((delivery IS NULL) <> (event IS NULL))
);
CREATE INDEX job_waiting ON job (lane, id) WHERE status = 'waiting';
CREATE INDEX job_same ON job (lane, event_key) WHERE status = 'waiting' AND event_key IS NOT NULL;
CREATE INDEX job_dead ON job (ended_at) WHERE status = 'dead';
CREATE INDEX job_dead_delivery ON job (delivery) WHERE status = 'dead';

-- Look at the lane again then.
CREATE TABLE timer (
    lane BIGINT PRIMARY KEY REFERENCES lane (id),
    due  BIGINT NOT NULL
);
CREATE INDEX timer_due ON timer (due);

-- Meanings of events that were decided.
CREATE TABLE meaning (
    meaning TEXT   PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

CREATE TABLE merge_request (
    id         TEXT    PRIMARY KEY,
    repo       TEXT    NOT NULL,
    version    BIGINT  NOT NULL,
    state      TEXT    NOT NULL,
    head       TEXT,
    target     TEXT,
    open       BOOLEAN NOT NULL,
    title      TEXT    NOT NULL,
    web_url    TEXT    NOT NULL,
    repository TEXT    NOT NULL,
    updated_at BIGINT  NOT NULL
);
CREATE INDEX merge_request_head ON merge_request (repo, head) WHERE open;
CREATE INDEX merge_request_target ON merge_request (repo, target) WHERE open;

-- Where each model of a merge request stands: drawn from the state, for pages and metrics.
CREATE TABLE merge_request_model (
    merge_request TEXT   NOT NULL REFERENCES merge_request (id),
    model         TEXT   NOT NULL,
    phase         TEXT   NOT NULL,
    since         BIGINT NOT NULL,
    candidate     BIGINT NOT NULL,
    PRIMARY KEY (merge_request, model)
);
CREATE INDEX merge_request_model_phase ON merge_request_model (phase);

-- One repository's forge calls go one at a time. The columns mean what they mean in lane;
-- claimed_at is the time of the last claim.
CREATE TABLE outbox_lane (
    id         INTEGER PRIMARY KEY,
    repo       TEXT    NOT NULL UNIQUE,
    ready_at   BIGINT,
    token      BIGINT  NOT NULL,
    leased     BIGINT,
    claimed_at BIGINT
);
CREATE INDEX outbox_lane_ready ON outbox_lane (ready_at) WHERE ready_at IS NOT NULL;

-- Forge calls. waiting: may be claimed from due on; blocked: an older one of its slot is under way;
-- running: claimed.
CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY,
    lane          BIGINT  NOT NULL REFERENCES outbox_lane (id),
    merge_request TEXT    NOT NULL,
    slot          TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    priority      BIGINT  NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN ('waiting', 'blocked', 'running', 'done', 'refused',
                                                     'conflict', 'superseded', 'observed', 'dead')),
    due           BIGINT  NOT NULL,
    attempts      BIGINT  NOT NULL,
    created_at    BIGINT  NOT NULL,
    ended_at      BIGINT,
    error         TEXT,
    outcome       TEXT,
    effect        TEXT    NOT NULL
);
CREATE INDEX outbox_waiting ON outbox (lane, priority, id) WHERE status = 'waiting';
CREATE INDEX outbox_due ON outbox (lane, due) WHERE status = 'waiting';
CREATE INDEX outbox_open ON outbox (merge_request, slot) WHERE status IN ('waiting', 'blocked', 'running');
CREATE INDEX outbox_done ON outbox (merge_request, slot) WHERE status = 'done';
CREATE INDEX outbox_dead ON outbox (ended_at) WHERE status = 'dead';

-- Which comment carries which of our markers.
CREATE TABLE comment (
    merge_request TEXT NOT NULL,
    marker        TEXT NOT NULL,
    comment       TEXT NOT NULL,
    PRIMARY KEY (merge_request, marker)
);

-- Which merge request a run belongs to.
CREATE TABLE run (
    repo          TEXT NOT NULL,
    run           TEXT NOT NULL,
    merge_request TEXT NOT NULL,
    PRIMARY KEY (repo, run)
);

-- What was read from a test job.
CREATE TABLE report (
    repo   TEXT NOT NULL,
    job    TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (repo, job)
);

CREATE TABLE version (
    id           INTEGER PRIMARY KEY,
    repo         TEXT    NOT NULL,
    model        TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    tag          TEXT    NOT NULL,
    published_at BIGINT  NOT NULL,
    record       TEXT    NOT NULL,
    UNIQUE (repo, model, version),
    UNIQUE (repo, tag)
);

-- Each row's hash covers the hash before it and its own content; audit_head says where the log ends.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    at       BIGINT  NOT NULL,
    lane     TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    actor    TEXT,
    what     TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
);
CREATE INDEX audit_lane ON audit (lane, id);
CREATE TABLE audit_head (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    length BIGINT  NOT NULL,
    hash   TEXT    NOT NULL
);
INSERT INTO audit_head (id, length, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
