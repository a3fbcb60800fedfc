-- Rows as the third migration's tables hold them: a bot that has asked its forge once.

INSERT INTO service (id, since) VALUES (1, 1800000000000);

INSERT INTO sweep (repo, swept_at) VALUES ('gitlab:12', 1800000300000);
