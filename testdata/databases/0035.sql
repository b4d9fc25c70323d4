INSERT INTO certificatedescription VALUES ('aa03', 6, 'Given by hand');
