INSERT INTO servedfolder VALUES ('node-1', '/srv/tftp', 't');
