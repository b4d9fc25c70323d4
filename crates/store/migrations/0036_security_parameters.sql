-- Two lines of the page Enterprise Parameters, for clusters that were made before they were listed.
INSERT INTO processconfig (paramname, paramvalue)
    SELECT 'LBMSecurityMode', 'Insecure' WHERE EXISTS (SELECT 1 FROM processnode)
    AND NOT EXISTS (SELECT 1 FROM processconfig WHERE paramname = 'LBMSecurityMode');
INSERT INTO processconfig (paramname, paramvalue)
    SELECT 'EnableCaching', 'True' WHERE EXISTS (SELECT 1 FROM processnode)
    AND NOT EXISTS (SELECT 1 FROM processconfig WHERE paramname = 'EnableCaching');
