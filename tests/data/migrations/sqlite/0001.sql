-- Rows as the first migration's tables hold them: one merge request on its way, a dead letter, a call
-- that waits. Later migrations are run over them.

INSERT INTO delivery (id, forge, external_id, event, received_at, outcome, reason, headers, digest, body) VALUES
    (1, 'gitlab', 'f8b2c3d4', 'Merge Request Hook', 1800000000000, 'done', NULL, '[]', NULL, x'28b52ffd04021100007b7d'),
    (2, 'gitlab', 'a9b8c7d6', 'Push Hook', 1800000001000, 'ignored', 'not-served', '[]',
     'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a', NULL),
    (3, 'gitlab', 'e5f6a7b8', 'Note Hook', 1800000002000, 'dead', 'no such project', '[["x-gitlab-instance","https://gitlab.example"]]',
     NULL, x'00');

INSERT INTO lane (id, name, ready_at, token, leased) VALUES
    (1, 'gitlab:12!7', 1800000060000, 4, NULL),
    (2, 'gitlab:12', NULL, 1, NULL);

INSERT INTO job (id, lane, delivery, event, event_key, created_at, attempts, status, error, ended_at) VALUES
    (1, 2, 3, NULL, NULL, 1800000002000, 5, 'dead', 'no such project', 1800000050000),
    (2, 1, NULL, '{"event":"refresh"}', 1, 1800000060000, 0, 'waiting', NULL, NULL);

INSERT INTO timer (lane, due) VALUES (1, 1800000120000);

INSERT INTO meaning (meaning, seen_at) VALUES ('gitlab:12!7:comment:9:1800000060000', 1800000060000);

INSERT INTO merge_request (id, repo, version, state, head, target, open, title, web_url, repository, updated_at) VALUES
    ('gitlab:12!7', 'gitlab:12', 3,
     '{"bound":null,"models":{},"answered":[9],"reviews":[],"shown":{"statuses":{},"statuses_on":null,"label":null,"report":null}}',
     'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'main', TRUE, 'Better iris',
     'https://gitlab.example/acme/iris/-/merge_requests/7', 'acme/iris', 1800000060000);

INSERT INTO merge_request_model (merge_request, model, phase, since, candidate) VALUES
    ('gitlab:12!7', 'iris', 'Building', 1800000000000, 1);

INSERT INTO outbox_lane (id, repo, ready_at, token, leased, claimed_at) VALUES
    (1, 'gitlab:12', 1800000060000, 2, NULL, 1800000000500);

INSERT INTO outbox (id, lane, merge_request, slot, kind, priority, status, due, attempts, created_at, ended_at, error,
                    outcome, effect) VALUES
    (1, 1, 'gitlab:12!7', 'acknowledge:9', 'acknowledge', 2, 'done', 1800000000000, 1, 1800000000000, 1800000000500,
     NULL, '{"outcome":"done","what":"plain"}', '{"kind":"acknowledge","comment":9}'),
    (2, 1, 'gitlab:12!7', 'label', 'label', 4, 'waiting', 1800000060000, 0, 1800000060000, NULL,
     NULL, NULL, '{"kind":"label","label":"building"}');

INSERT INTO comment (merge_request, marker, comment) VALUES ('gitlab:12!7', 'mergewright:report', '501');

INSERT INTO run (repo, run, merge_request) VALUES ('gitlab:12', '77', 'gitlab:12!7');

INSERT INTO report (repo, job, report) VALUES
    ('gitlab:12', '771',
     '{"model":"iris","head":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","job":771,"source":"770","metrics":{"accuracy":"0.95"},"unusable":{},"tests":null,"artifacts":[],"dataset":null}');

INSERT INTO version (id, repo, model, version, tag, published_at, record) VALUES
    (1, 'gitlab:12', 'iris', 'v1', 'iris@v1.0.0', 1799999000000, '{}');

INSERT INTO audit (id, at, lane, kind, actor, what, detail, previous, hash) VALUES
    (1, 1800000000000, 'gitlab:12!7', 'phase', NULL, 'iris is Building', '{"candidate":1}',
     '0000000000000000000000000000000000000000000000000000000000000000',
     '07cbdee79f73f0f70786c633415681c36cad9bb226e6d60e78a1e459f595c3ae'),
    (2, 1800000060000, 'gitlab:12!7', 'command', 'alice', 'approve', '{"head":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}',
     '07cbdee79f73f0f70786c633415681c36cad9bb226e6d60e78a1e459f595c3ae',
     '854a02eddfad75ad67d79759f59ddc792967a3eb821e8ad7f6f2bd5810f77451');
UPDATE audit_head SET length = 2, hash = '854a02eddfad75ad67d79759f59ddc792967a3eb821e8ad7f6f2bd5810f77451' WHERE id = 1;
