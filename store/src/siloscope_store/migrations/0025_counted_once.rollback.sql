DROP TABLE quarantine_counted;
