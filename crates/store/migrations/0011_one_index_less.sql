-- lsc_page finds the LSCs of a device as well, and does not change when their state does.
DROP INDEX lsc_device;
