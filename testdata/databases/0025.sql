INSERT INTO strangerlist VALUES ('SEP00AABBCCDDEE', 'ITL', 'ff01', 'pub', '192.0.2.77', 30, 'f');
