INSERT INTO applicationuser VALUES ('user-1', 'ccmadmin', 4, 12);
INSERT INTO credential VALUES ('user-1', '$argon2id$v=19$');
INSERT INTO ctlfile (number, file, clustersecuritymode, takenfrom, takenat, onallnodes) VALUES (1, x'0001020300ff', '1', '192.0.2.9', 13, 't');
