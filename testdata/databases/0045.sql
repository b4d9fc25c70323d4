INSERT INTO takenchange VALUES ('node-1', 2);
