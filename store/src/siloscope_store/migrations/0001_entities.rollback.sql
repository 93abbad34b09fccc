DROP TABLE channel;
DROP TABLE sample_group;
DROP TABLE device;
DROP TABLE node;
DROP TABLE site;
DROP TABLE organisation;
