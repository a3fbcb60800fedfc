-- Rows as the sixth migration's tables hold them: one hook that was read and one that may not be, and what was lost.

INSERT INTO hook (name, read_at, newest, hindrance) VALUES
    ('gitlab:12', 1800000300000, '77', NULL),
    ('github:13', 1800000300000, NULL, 'the bot''s token may not read the repository''s webhooks');

INSERT INTO lost (repo, id, also, hook, attempt, event, failed_at, found_at, asked_at, status) VALUES
    ('gitlab:12', 'lost-1', NULL, 'gitlab:12', '75', 'note_hooks', 1800000200000, 1800000300000, NULL, 'waiting'),
    ('gitlab:12', 'lost-2', 'other', 'gitlab:12', '76', 'note_hooks', 1800000200000, 1800000300000, 1800000300000, 'asked');
