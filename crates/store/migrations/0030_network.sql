-- Ours: what a command has put another value in place of. A start that still names one of these goes on with the one of now; a start
-- that names a value which the cluster never had stops.
CREATE TABLE formersetting (
    -- address, hostname, domain; release; or the name of a parameter
    setting TEXT NOT NULL,
    -- empty for what is the same on all nodes
    fkprocessnode TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (setting, fkprocessnode, value)
);

-- What was changed before there was this table stands in the audit log.
INSERT INTO formersetting (setting, fkprocessnode, value)
    SELECT DISTINCT 'release', '', substr(result, 9, length(result) - 15) FROM audit
    WHERE command LIKE 'utils system switch-version %' AND result LIKE 'release % before';
INSERT INTO formersetting (setting, fkprocessnode, value)
    SELECT DISTINCT substr(command, 15), '', result FROM audit
    WHERE command IN ('set parameter TVSPort', 'set parameter CAPFPhonePort');

-- Ours: the directory of a node below `nodes/`. It keeps its name when the node gets another one, because keys, lists and logs that
-- are open lie in it.
CREATE TABLE nodedirectory (
    fkprocessnode TEXT PRIMARY KEY REFERENCES processnode (pkid),
    directory TEXT NOT NULL
);
INSERT INTO nodedirectory (fkprocessnode, directory) SELECT pkid, name FROM processnode WHERE systemnode = 'f';
