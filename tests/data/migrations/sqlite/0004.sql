UPDATE job SET interruptions = 1 WHERE id = (SELECT MIN(id) FROM job);
UPDATE outbox SET interruptions = 1 WHERE id = (SELECT MIN(id) FROM outbox);
