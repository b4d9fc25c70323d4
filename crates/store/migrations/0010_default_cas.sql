-- Ours: what a default CA that is switched off was, so that it can be switched on again.
ALTER TABLE disableddefaultca ADD COLUMN certificate TEXT NOT NULL DEFAULT '';
