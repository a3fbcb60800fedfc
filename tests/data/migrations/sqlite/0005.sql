UPDATE job SET cause = (SELECT MIN(id) FROM delivery) WHERE delivery IS NULL;
UPDATE outbox SET cause = (SELECT MIN(id) FROM delivery) WHERE id = (SELECT MIN(id) FROM outbox);
