-- One version live in staging, and on its way to production.

INSERT INTO environments (repo, model, version, state, updated_at) VALUES
    ('gitlab:12', 'iris', 4,
     '{"rollouts":1,"numbered":1,"stands":{"staging":{"trail":[{"version":"v1","since":1800000100000,"tag":"iris#staging#1","rollout":1}],"known":["v1"],"active":null,"unsettled":null}},"orphans":[],"stops":[]}',
     1800000100000);

INSERT INTO rollout (repo, model, number, environment, open, live_at, record) VALUES
    ('gitlab:12', 'iris', 1, 'staging', FALSE, 1800000100000,
     '{"number":1,"action":"promote","environment":"staging","version":"v1","commit":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","source":"770","before":null,"asked_by":{"id":2,"login":"alice","bot":false},"asked_at":1800000090000,"asked_on":{"repo":{"forge":"gitlab","number":12},"number":7},"approvals_needed":0,"approved_by":[],"step":"live","run":78,"job":null,"deployed_at":1800000100000,"deployment":5,"live_at":1800000100000,"stage":1,"tagged":true,"asked":null,"retry_at":null,"notice":null,"failure":null,"ended_at":1800000101000}'),
    ('gitlab:12', 'iris', 2, 'production', TRUE, NULL, '{}');

INSERT INTO run (repo, run, merge_request) VALUES ('gitlab:12', '78', 'gitlab:12/iris');
