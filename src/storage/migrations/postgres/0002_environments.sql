-- Environments belong to a model, not to a merge request. From here on `merge_request` in `outbox` and
-- `run` may also hold the lane of a model, gitlab:12/iris: whose call or run it is.

-- What is live where and what is on its way: one document a model.
CREATE TABLE environments (
    repo       TEXT   NOT NULL,
    model      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    state      TEXT   NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repo, model)
);

-- Every promotion and rollback: who, when, why, by which run, with which tag. live_at is set from the
-- time at which it was seen to be in effect.
CREATE TABLE rollout (
    repo        TEXT    NOT NULL,
    model       TEXT    COLLATE "C" NOT NULL,
    number      BIGINT  NOT NULL,
    environment TEXT    NOT NULL,
    open        BOOLEAN NOT NULL,
    live_at     BIGINT,
    record      TEXT    NOT NULL,
    PRIMARY KEY (repo, model, number)
);
CREATE INDEX rollout_open ON rollout (repo, environment, model) WHERE open;
CREATE INDEX rollout_live ON rollout (repo, model, environment, live_at, number) WHERE live_at IS NOT NULL;
