-- Ours: the CTL that the publisher signs stands in ctlfile too. The last renewal that the file tells of; 0 when that is not known.
ALTER TABLE ctlfile ADD COLUMN renewal BIGINT NOT NULL DEFAULT 0;
