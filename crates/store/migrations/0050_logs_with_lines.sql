-- Ours: lines that wait are asked for by their log, in order, twice a second while any wait.
CREATE INDEX logline_path ON logline (path, seq);
