DROP TABLE retention_loss;
DROP TABLE retention_run;
ALTER TABLE retention DROP COLUMN set_by, DROP COLUMN version;
