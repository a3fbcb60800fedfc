-- Since when we serve: comments from before are history and no commands.
CREATE TABLE service (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    since BIGINT NOT NULL
);

-- Up to when the forge was asked what we missed, by repository.
CREATE TABLE sweep (
    repo     TEXT   PRIMARY KEY,
    swept_at BIGINT NOT NULL
);
