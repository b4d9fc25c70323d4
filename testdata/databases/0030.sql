INSERT INTO formersetting VALUES ('host', 'node-2', 'sub-old');
