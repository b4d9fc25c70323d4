-- Operations that may run out of time are looked for every two seconds: of 100 000 devices those few that have one are read.
CREATE INDEX device_operation ON device (upgradefinishtime) WHERE tkcertificateoperation <> 1;
