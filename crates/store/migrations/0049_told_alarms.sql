-- Ours. Alarms that receivers were told of because they began to stand: each once, until they hear that it has ended.
CREATE TABLE toldalarm (
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    fkprocessnode TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (name, subject)
);
